package main

import (
	"bytes"
	"fmt"
	"go/format"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sessionlab/auth"
)

// derived matches the two labels from which keys and user ids are derived. They are not
// names: with others, no sealed value could be opened and every user would be a stranger.
// It also matches the holder of the copyright, whom the license requires to be named.
var derived = regexp.MustCompile(`"sessionlab user id v1\\x00"|"sessionlab "\+purpose|the sessionlab authors`)

// rename gives the application its module path, its name and its slug.
func (o options) rename(files tree) (err error) {
	if err := files.replace("views/brand.go", `"sessionlab"`, `"{{name}}"`); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e := files[name]
		if !utf8.Valid(e.content) || strings.HasPrefix(name, "static/vendor/") {
			continue
		}
		delete(files, name)
		e.content = o.renameText(name, e.content)
		if isGo(name) && !strings.HasSuffix(name, "_templ.go") {
			if e.content, err = format.Source(e.content); err != nil { // names differ in length
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		files[strings.ReplaceAll(name, "sessionlab", o.slug)] = e
	}
	return nil
}

// summary says in a few words what the strategy is.
func (o options) summary() string {
	kind, _ := auth.KindOf(o.strategy)
	return kind.Summary
}

func (o options) renameText(name string, text []byte) []byte {
	const label = "\x00label\x00" // stands for a derived label
	kept := derived.FindAll(text, -1)
	text = derived.ReplaceAllLiteral(text, []byte(label))
	replace := func(from, to string) { text = bytes.ReplaceAll(text, []byte(from), []byte(to)) }
	switch {
	case isGo(name), path.Ext(name) == ".templ":
		replace(`"sessionlab/`, `"{{module}}/`)
		replace("// Sessionlab", "// {{name}}")
	case path.Base(name) == "go.mod":
		replace("module sessionlab", "module {{module}}")
	case strings.HasSuffix(name, ".golden.html"):
		replace("sessionlab", "{{name}}") // from views.Brand
	}
	replace("sessionlab", o.slug)
	replace("SESSIONLAB", strings.ToUpper(strings.ReplaceAll(o.slug, "-", "_")))
	replace("{{name}}", o.name) // these last: they may hold any word
	replace("{{owner}}", o.owner)
	replace("{{strategy}}", o.strategy)
	replace("{{summary}}", o.summary())
	replace("{{module}}", o.module)
	for _, l := range kept {
		text = bytes.Replace(text, []byte(label), l, 1)
	}
	return text
}
