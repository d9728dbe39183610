package labpages

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

const advicePath = "/learn"

var (
	errUnknownAnswer = &handlers.Problem{Status: 400, Code: "unknown_answer", Title: "That is no answer", Text: "One of the six questions was given an answer that it does not have."}
	errNotMeasured   = &handlers.Problem{Status: 503, Code: "not_measured", Title: "Not measured yet", Text: "Advice needs the numbers of a run, and none has come to its end.", RetryAfter: 2 * time.Second}
)

// learn serves a questionnaire of six questions and recommends a strategy, based on the
// last measurement. Every answer is a link, so the URL holds all answers.
func (l *Lab) learn(c echo.Context) error {
	given, err := answersOf(c.QueryParams())
	if err != nil {
		return err
	}
	v, err := l.visitor(c)
	if err != nil {
		return err
	}
	bench := l.bench(c.Request())
	l.Exposures.Begin(bench, v.ID)
	p := l.site.Page(c.Request(), "What should I use?")
	p.Wide = true
	m := labviews.Advice{Record: adviceURL(advicePath+"/decision.md", given, "", ""), Exposure: exposurePath}
	for _, q := range questions {
		m.Questions = append(m.Questions, questionView(q, given))
	}
	if found, whole := l.found(); whole {
		m.Ready = true
		adviceView(&m, l.candidates(bench.Managers(), found), given)
		m.Markdown = record(l.candidates(bench.Managers(), found), given, found)
	} else if l.Exposures.Progress().Running {
		m.Refresh = adviceURL(advicePath, given, "", "")
	}
	return handlers.Render(c.Response(), http.StatusOK, labviews.AdvicePage(p, m))
}

// decision serves the recommendation as a Markdown file to download.
func (l *Lab) decision(c echo.Context) error {
	given, err := answersOf(c.QueryParams())
	if err != nil {
		return err
	}
	found, whole := l.found()
	if !whole {
		return errNotMeasured
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="sessions-decision.md"`)
	text := record(l.candidates(l.bench(c.Request()).Managers(), found), given, found)
	return c.Blob(http.StatusOK, "text/markdown; charset=utf-8", []byte(text))
}

// adviceURL returns path with the given answers as a query; if id is not empty, that
// answer is set to value, or removed if value is empty.
func adviceURL(path string, given map[string]answer, id, value string) string {
	q := url.Values{}
	for name, a := range given {
		if a.value != "" {
			q.Set(name, a.value)
		}
	}
	switch {
	case id != "" && value != "":
		q.Set(id, value)
	case id != "":
		q.Del(id)
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

func questionView(q question, given map[string]answer) labviews.Question {
	m := labviews.Question{ID: q.id, Text: q.text, Note: q.note}
	for _, a := range q.answers {
		m.Answers = append(m.Answers, labviews.Choice{
			Label: a.label, Current: a.value == given[q.id].value, Href: adviceURL(advicePath, given, q.id, a.value) + "#q-" + q.id,
		})
	}
	return m
}

func adviceView(m *labviews.Advice, all []candidate, given map[string]answer) {
	fit, out := applyAnswers(all, given)
	for _, r := range out {
		m.Ruled = append(m.Ruled, labviews.Ruling{Name: r.Name, Gloss: r.Summary, Question: r.question.text, Answer: r.answer.label, Because: r.because})
	}
	if len(fit) == 0 {
		for _, w := range waysOut(all, given) {
			m.WaysOut = append(m.WaysOut, labviews.WayOut{
				Question: w.question.text, Answer: w.answer.label, Then: w.then.Name,
				Href: adviceURL(advicePath, given, w.question.id, ""),
			})
		}
		return
	}
	m.Pick, m.Gloss, m.Why = fit[0].Name, fit[0].Summary, bestReason(fit)
	for _, ending := range lab.Endings() {
		m.Measured = append(m.Measured, views.Fact{Label: consequences[ending], Value: lasts(fit[0].copied[ending])})
	}
	m.Measured = append(m.Measured, views.Fact{Label: "Table reads per request", Value: fit[0].readsText()})
	for _, c := range fit[1:] {
		m.Fits = append(m.Fits, labviews.Ruling{Name: c.Name, Gloss: c.Summary, Because: worse(c, fit[0])})
	}
	m.Commands = []string{"SESSION_STRATEGY=" + fit[0].Name + " go run ."}
}
