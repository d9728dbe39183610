package labpages

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/lab"
	"sessionlab/handlers"
	"sessionlab/views"
	"sessionlab/views/labviews"
)

// readSource returns the program's source, parsed once on first use.
var readSource = sync.OnceValues(lab.ReadSource)

const sourcePath = "/source/"

func sourceHref(p lab.Place) string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s%s#L%d", sourcePath, p.File, p.First)
}

// source shows a file of the strategies as it was compiled in.
func (l *Lab) source(c echo.Context) error {
	src, err := readSource()
	if err != nil {
		return handlers.WithCause(handlers.ErrInternal, err)
	}
	file := c.Param("file")
	lines := lab.Lines(file)
	if lines == nil {
		return handlers.ErrNotFound
	}
	m := labviews.SourceFile{File: file, Links: sourceLinks(file)}
	for _, link := range m.Links {
		if !link.Chosen {
			continue
		}
		m.Strategy, m.Gloss = link.Strategy, link.Gloss
		names, places := src.Methods(m.Strategy)
		for j, name := range names {
			if places[j].File == file {
				m.Methods = append(m.Methods, views.NavItem{Label: name, Href: fmt.Sprintf("#L%d", places[j].First)})
			}
		}
	}
	m.Lines = codeView(lines)
	return handlers.Render(c.Response(), http.StatusOK, labviews.SourcePage(l.site.Page(c.Request(), file), m))
}

// codeView converts highlighted code for the page.
func codeView(lines [][]lab.Piece) (out [][]labviews.CodeSpan) {
	for _, line := range lines {
		var spans []labviews.CodeSpan
		for _, piece := range line {
			spans = append(spans, labviews.CodeSpan(piece))
		}
		out = append(out, spans)
	}
	return out
}

// sourceOf is the page of a strategy's file.
func sourceOf(strategy string) string {
	src, err := readSource()
	if err != nil {
		return sourcePath
	}
	return sourcePath + src.File(strategy)
}

// sourceLinks leads to the file of each strategy.
func sourceLinks(file string) (links []labviews.SourceLink) {
	src, err := readSource()
	if err != nil {
		return nil
	}
	for _, kind := range auth.Kinds() {
		name := src.File(kind.Name)
		links = append(links, labviews.SourceLink{Strategy: kind.Name, Gloss: kind.Summary, Href: sourcePath + name, Chosen: name == file})
	}
	return links
}

// stepViews puts steps in the order in which they began, each with the method that
// took it.
func stepViews(steps []auth.Step) []labviews.Step {
	src, err := readSource()
	if err != nil {
		src = &lab.Source{} // an empty Source, so that no step gets a link
	}
	order := make([]int, len(steps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(steps[a].Began, steps[b].Began) })
	var out []labviews.Step
	for _, i := range order {
		step := steps[i]
		view := labviews.Step{Name: step.Name, Detail: step.Err, Micros: int(step.Took.Microseconds()), Depth: depth(steps, i), Href: sourceHref(src.Place(step))}
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

// depth returns the nesting depth of step i. Steps are recorded when they end, so an
// enclosing step comes later in the list and began earlier.
func depth(steps []auth.Step, i int) (n int) {
	for _, outer := range steps[i+1:] {
		if outer.Began < steps[i].Began {
			n++
		}
	}
	return n
}
