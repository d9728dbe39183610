package labviews

import "sessionlab/views"

func init() {
	questions := []Question{{ID: "api", Text: "Do programs call you?", Note: "A script.", Answers: []Choice{{Label: "No", Href: "/learn#q-api", Current: true}, {Label: "Yes", Href: "/learn?api=yes#q-api"}}}}
	pages["advice"] = AdvicePage(ada, Advice{
		Questions: questions, Ready: true, Exposure: "/compare/exposure", Pick: "database", Gloss: "a ticket", Why: "Nothing else fits.",
		Measured: []views.Fact{{Label: "Reads", Value: "1"}}, Commands: []string{"go run ."}, Fits: []Ruling{{Name: "hybrid", Because: "5 min"}},
		Ruled: []Ruling{{Name: "cookie", Question: "Which?", Answer: "This.", Because: "30 d"}}, Markdown: "# Sessions", Record: "/learn/decision.md",
	})
	pages["advice, nothing fits"] = AdvicePage(nobody, Advice{
		Questions: questions, Ready: true, Exposure: "/compare/exposure", WaysOut: []WayOut{{Question: "Which?", Answer: "This.", Then: "cookie", Href: "/learn"}},
		Record: "/learn/decision.md",
	})
	pages["advice, no way out"] = AdvicePage(nobody, Advice{Questions: questions, Ready: true, Exposure: "/compare/exposure", Record: "/learn/decision.md"})
	pages["advice, measuring"] = AdvicePage(nobody, Advice{Questions: questions, Exposure: "/compare/exposure", Refresh: "/learn"})
	pages["advice, not measured"] = AdvicePage(nobody, Advice{Questions: questions, Exposure: "/compare/exposure"})
}
