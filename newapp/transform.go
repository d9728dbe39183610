package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sessionlab/auth"
)

// templates holds the files that only the application has.
//
//go:embed all:template
var templates embed.FS

// transform turns the files of sessionlab into those of the application.
func transform(files tree, l libraries, o options) error {
	before := maps.Clone(files)
	files.remove(isLab)
	files.remove(isOurs)
	if err := o.chooseInTests(files); err != nil {
		return err
	}
	if err := o.squash(files); err != nil {
		return err
	}
	gone := &settings{strategy: o.strategy}
	if err := simplify(files, before, l, o, gone); err != nil {
		return err
	}
	if err := files.edit(func(name string) bool { return name == "config.go" }, o.ownTags); err != nil {
		return err
	}
	for _, p := range passages(o.strategy) {
		if err := files.replace(p.file, p.from, p.to); err != nil {
			return err
		}
	}
	if err := addTemplate(files); err != nil {
		return err
	}
	if err := o.cutSteps(files); err != nil {
		return err
	}
	p := o.newProse(files, gone)
	for name, e := range files {
		switch {
		case name == "README.md" || strings.HasPrefix(name, "docs/") && path.Ext(name) == ".md":
			e.content = []byte(p.page(name, string(e.content)))
		case name == ".env.example":
			e.content = []byte(p.example(string(e.content)))
		default:
			continue
		}
		files[name] = e
	}
	return o.rename(files)
}

// chooseInTests makes the tests that do not depend on the strategy run under the one that
// stays, and those that need a database if it has one.
func (o options) chooseInTests(files tree) error {
	if err := files.replace("handlers/handlerstest/site.go", `Any = "cookie"`, `Any = "`+o.strategy+`"`); err != nil {
		return err
	}
	if err := files.replace("e2e/program.go", `Any = "cookie"`, `Any = "`+o.strategy+`"`); err != nil {
		return err
	}
	if kind, _ := auth.KindOf(o.strategy); !kind.Database {
		return nil
	}
	return files.replace("e2e/program.go", `Stored = "database"`, `Stored = "`+o.strategy+`"`)
}

// tagOnly matches the tag that lists the strategies that use a setting.
var tagOnly = regexp.MustCompile(` only:"([^"]*)"`)

// ownTags keeps that tag, empty, where the strategy is not among them.
func (o options) ownTags(_ string, src []byte) ([]byte, error) {
	return format.Source(tagOnly.ReplaceAllFunc(src, func(tag []byte) []byte {
		if slices.Contains(strings.Fields(string(tagOnly.FindSubmatch(tag)[1])), o.strategy) {
			return nil
		}
		return []byte(` only:""`)
	}))
}

// cutSteps removes from the README what needs a database if the strategy needs none.
func (o options) cutSteps(files tree) error {
	const begin, end = "{{with a database}}\n", "{{end}}\n"
	if kind, _ := auth.KindOf(o.strategy); !kind.Database {
		_, steps, _ := strings.Cut(string(files["README.md"].content), begin)
		steps, _, _ = strings.Cut(steps, end)
		if err := files.replace("README.md", steps, ""); err != nil {
			return err
		}
	}
	return errors.Join(files.replace("README.md", begin, ""), files.replace("README.md", end, ""))
}

// isLab reports whether a file belongs to the lab: its name, or that of a folder above it,
// says so.
func isLab(name string) bool {
	for _, element := range strings.Split(strings.TrimSuffix(name, path.Ext(name)), "/") {
		if element == "labpages" || element == "labviews" || labName.MatchString(element) {
			return true
		}
	}
	return false
}

var labName = regexp.MustCompile(`^([0-9]+-)?lab([-_]|$)`)

// comparisons are the tests that compare strategies with each other.
var comparisons = []string{"auth/matrix_test.go", "auth/capacity_test.go", "db/capacity_test.go"}

// isOurs reports whether a file is about making applications, or replaced by one of the
// template.
func isOurs(name string) bool {
	return strings.HasPrefix(name, "newapp/") || strings.HasPrefix(name, "docs/") && path.Ext(name) != ".md" ||
		slices.Contains([]string{"README.md", "docs/newapp.md", "docs/scale.md", "docs/strategies.md"}, name)
}

// isOther reports whether a file tests what the application does not have: Redis, or a
// comparison of strategies.
func (o options) isOther(name string) bool {
	redis := isTestCode(name) && strings.HasPrefix(path.Base(name), "redis") && !slices.Contains(o.stores, "redis")
	return redis || slices.Contains(comparisons, name)
}

func foldFile(name string, src []byte) ([]byte, error) {
	folded, err := fold(name, src)
	if err != nil {
		return nil, err
	}
	out, err := format.Source(folded)
	if err != nil {
		return nil, fmt.Errorf("%w in\n%s", err, folded)
	}
	return out, nil
}

// addTemplate adds the files of the template.
func addTemplate(files tree) error {
	return fs.WalkDir(templates, "template", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := templates.ReadFile(name)
		files[strings.TrimPrefix(name, "template/")] = entry{content, 0o644}
		return err
	})
}

// replace replaces a text that the file must contain.
func (t tree) replace(name, from, to string) error {
	e, ok := t[name]
	if !ok || !bytes.Contains(e.content, []byte(from)) {
		return fmt.Errorf("%s: want it to contain %q", name, from)
	}
	e.content = bytes.ReplaceAll(e.content, []byte(from), []byte(to))
	t[name] = e
	return nil
}
