package handlers

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth/devidp"
	"sessionlab/auth/lab"
	"sessionlab/auth/oauth"
	"sessionlab/views"
)

// guarding is the part of this package that guards a sign-in, and the tests that
// hold it.
//
//go:embed routes.go input_test.go lab_attacks_test.go
var guarding embed.FS

// guards are the files that refusals lead to, by the folders they lie in.
var guards = map[string]fs.ReadFileFS{"auth/oauth": oauth.Source, "auth/devidp": devidp.Source, "handlers": guarding}

const guardPath = "/flow/source/"

// A spot is a line of a file, found by what stands in it.
type spot struct{ file, has string }

func guardFile(file string) []byte {
	if files := guards[path.Dir(file)]; files != nil {
		if text, err := files.ReadFile(path.Base(file)); err == nil {
			return text
		}
	}
	return nil
}

// line counts from 1; 0 if nothing has it.
func (s spot) line() int {
	text := guardFile(s.file)
	at := bytes.Index(text, []byte(s.has))
	if at < 0 {
		return 0
	}
	return 1 + bytes.Count(text[:at], []byte("\n"))
}

func (s spot) link(label string) views.Source {
	return views.Source{Label: label, Href: fmt.Sprintf("%s%s#L%d", guardPath, s.file, s.line())}
}

// links lead to the line that refuses an attack and to the test that holds it.
func (a attack) links() []views.Source {
	name := strings.TrimSuffix(strings.TrimPrefix(a.test.has, "func "), "(")
	return []views.Source{
		a.code.link(fmt.Sprintf("%s, line %d", a.code.file, a.code.line())),
		a.test.link("held by " + name),
		spot{"handlers/lab_attacks_test.go", `"` + a.name + `":`}.link("and by TestFlowAttacks"),
	}
}

// guard shows a file that refuses something, as it was compiled in.
func (l *Lab) guard(c echo.Context) error {
	file := c.Param("*")
	text := guardFile(file)
	if text == nil {
		return errNotFound
	}
	m := views.SourceFile{File: file, Lines: codeView(lab.Highlight(file, text))}
	seen := map[string]bool{}
	for _, a := range attacks {
		for _, s := range []spot{a.code, a.test} {
			if !seen[s.file] {
				seen[s.file] = true
				m.Links = append(m.Links, views.SourceLink{Strategy: path.Base(s.file), Href: guardPath + s.file, Chosen: s.file == file})
			}
		}
	}
	return render(c.Response(), http.StatusOK, views.SourcePage(l.site.page(c.Request(), file), m))
}
