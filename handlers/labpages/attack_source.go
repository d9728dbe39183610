package labpages

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
	"sessionlab/handlers"
	"sessionlab/views/labviews"
)

// attackTests is the test of this package that tries every attack.
//
//go:embed attacks_test.go
var attackTests embed.FS

// guardFiles holds the source files that the attacks link to, by directory.
var guardFiles = map[string]fs.ReadFileFS{"auth/oauth": oauth.Source, "auth/devidp": devidp.Source, "handlers": handlers.Source, "handlers/labpages": attackTests}

const guardPath = "/flow/source/"

// A sourceLine names a line of a source file by text that the line contains.
type sourceLine struct{ file, has string }

func guardFile(file string) []byte {
	if files := guardFiles[path.Dir(file)]; files != nil {
		if text, err := files.ReadFile(path.Base(file)); err == nil {
			return text
		}
	}
	return nil
}

// line returns the number of the first line that contains has, counting from 1, or 0 if
// there is none.
func (s sourceLine) line() int {
	text := guardFile(s.file)
	at := bytes.Index(text, []byte(s.has))
	if at < 0 {
		return 0
	}
	return 1 + bytes.Count(text[:at], []byte("\n"))
}

func (s sourceLine) link(label string) labviews.Source {
	return labviews.Source{Label: label, Href: fmt.Sprintf("%s%s#L%d", guardPath, s.file, s.line())}
}

// links lead to the line that refuses an attack and to the test that checks it.
func (a attack) links() []labviews.Source {
	name := strings.TrimSuffix(strings.TrimPrefix(a.test.has, "func "), "(")
	return []labviews.Source{
		a.code.link(fmt.Sprintf("%s, line %d", a.code.file, a.code.line())),
		a.test.link("tested by " + name),
		sourceLine{"handlers/labpages/attacks_test.go", `"` + a.name + `":`}.link("and by TestFlowAttacks"),
	}
}

// guard shows a file that refuses something, as it was compiled in.
func (l *Lab) guard(c echo.Context) error {
	file := c.Param("*")
	text := guardFile(file)
	if text == nil {
		return handlers.ErrNotFound
	}
	m := labviews.SourceFile{File: file, Lines: codeView(lab.Highlight(file, text))}
	seen := map[string]bool{}
	for _, a := range attacks {
		for _, s := range []sourceLine{a.code, a.test} {
			if !seen[s.file] {
				seen[s.file] = true
				m.Links = append(m.Links, labviews.SourceLink{Strategy: path.Base(s.file), Href: guardPath + s.file, Chosen: s.file == file})
			}
		}
	}
	return handlers.Render(c.Response(), http.StatusOK, labviews.SourcePage(l.site.Page(c.Request(), file), m))
}
