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
	"strings"

	"sessionlab/auth"
)

// template holds the files that only the application has.
//
//go:embed all:template
var template embed.FS

// transform turns the files of sessionlab into those of the application.
func transform(files tree, o options) error {
	before := maps.Clone(files)
	files.remove(isLab)
	files.remove(isOurs)
	if err := files.edit(isGo, foldFile); err != nil {
		return err
	}
	if err := prune(files, before); err != nil {
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
	_, section, _ := strings.Cut(string(before["README.md"].content), "\n## The strategies\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if err := files.replace("README.md", "{{strategies}}\n", "## The strategies\n"+section+"\n"); err != nil {
		return err
	}
	if err := o.cutSteps(files); err != nil {
		return err
	}
	return o.rename(files)
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

// isOurs reports whether a file is about making applications, or replaced by one of the
// template.
func isOurs(name string) bool {
	return strings.HasPrefix(name, "newapp/") || strings.HasPrefix(name, "docs/") && path.Ext(name) != ".md" ||
		name == "README.md" || name == "docs/newapp.md"
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
	return fs.WalkDir(template, "template", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := template.ReadFile(name)
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
