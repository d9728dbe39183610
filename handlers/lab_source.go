package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/views"
)

// code is the program's own, read once, when somebody first wants to see it.
var code = sync.OnceValues(lab.ReadSource)

const sourcePath = "/source/"

func sourceHref(p lab.Place) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s%s#L%d", sourcePath, p.File, p.Line)
}

// source shows a file of the strategies as it was compiled in.
func (l *Lab) source(c echo.Context) error {
	src, err := code()
	if err != nil {
		return because(errInternal, err)
	}
	file := c.Param("file")
	lines := src.Lines(file)
	if lines == nil {
		return errNotFound
	}
	m := views.SourceFile{File: file, Links: sourceLinks(file)}
	for _, link := range m.Links {
		if !link.Chosen {
			continue
		}
		m.Strategy, m.Gloss = link.Strategy, link.Gloss
		names, places := src.Methods(m.Strategy)
		for j, name := range names {
			if places[j].File == file {
				m.Methods = append(m.Methods, views.NavItem{Label: name, Href: fmt.Sprintf("#L%d", places[j].Line)})
			}
		}
	}
	m.Lines = codeView(lines)
	return render(c.Response(), http.StatusOK, views.SourcePage(l.site.page(c.Request(), file), m))
}

// codeView is code as pages show it.
func codeView(lines [][]lab.Piece) (out [][]views.CodeSpan) {
	for _, line := range lines {
		var spans []views.CodeSpan
		for _, piece := range line {
			spans = append(spans, views.CodeSpan(piece))
		}
		out = append(out, spans)
	}
	return out
}

// sourceOf is the page of a strategy's file.
func sourceOf(strategy string) string {
	src, err := code()
	if err != nil {
		return sourcePath
	}
	return sourcePath + src.File(strategy)
}

// sourceLinks leads to the file of each strategy.
func sourceLinks(file string) (links []views.SourceLink) {
	src, err := code()
	if err != nil {
		return nil
	}
	for _, kind := range auth.Kinds() {
		name := src.File(kind.Name)
		links = append(links, views.SourceLink{Strategy: kind.Name, Gloss: kind.Gloss, Href: sourcePath + name, Chosen: name == file})
	}
	return links
}

// stepViews puts steps in the order in which they began, each with the line of the
// code that took it.
func stepViews(steps []auth.Step) []views.Step {
	places, rules := make([]lab.Place, len(steps)), make([]lab.Place, len(steps))
	if src, err := code(); err == nil {
		places, rules = src.Trace(steps)
	}
	order := make([]int, len(steps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(steps[a].Began, steps[b].Began) })
	var out []views.Step
	for _, i := range order {
		step := steps[i]
		view := views.Step{
			Name: step.Name, Detail: step.Err, Micros: int(step.Took.Microseconds()), Href: sourceHref(places[i]), Rule: sourceHref(rules[i]),
		}
		for _, outer := range steps[i+1:] {
			if outer.Began < step.Began {
				view.Depth++
			}
		}
		switch step.Kind {
		case "read", "write":
			view.Name, view.Detail, view.SQL = step.Kind+" a row", step.Name, true
		case "seal", "open seal":
			view.Name = step.Kind + " of " + step.Name
		case "transaction":
			view.Name = step.Name + " the transaction"
		}
		out = append(out, view)
	}
	return out
}
