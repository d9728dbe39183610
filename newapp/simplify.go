package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"

	"sessionlab/auth"
)

// simplify removes from files what an application with one strategy does not need. All
// holds the files of sessionlab.
func simplify(files, all tree, l libraries, o options, gone *settings) error {
	p, err := load(all, l)
	if err != nil {
		return err
	}
	r := newPruner(p, files, gone.isForeign, o.isOther)
	if err := files.edit(isGo, foldFile); err != nil { // compare mode
		return err
	}
	if err := keepKind(files, o.strategy); err != nil {
		return err
	}
	if kind, _ := auth.KindOf(o.strategy); !kind.Database {
		if err := files.replace("commands.go", "slices.Concat(siteCommands(), databaseCommands())", "siteCommands()"); err != nil {
			return err
		}
	}
	for range 100 {
		p, err := load(files, l)
		if err != nil {
			return err
		}
		gone.read(all, files)
		c := newCutter(p, files)
		g := newGraph(p)
		is := g.reached(r.reads(g))
		facts := newFacts(g, o, r.was, is)
		for _, key := range gone.unused(all) {
			facts.unset[key] = true
		}
		for name, file := range p.files {
			if strings.HasSuffix(name, "_templ.go") {
				continue
			}
			f := &folder{edits: c.of(name), comments: file.Comments, fact: facts.of, refuses: o.refuses()}
			ast.Inspect(file, f.visit)
		}
		r.prune(g, c, is)
		c.unused()
		changed, err := c.apply(files)
		if err != nil {
			return err
		}
		if !changed {
			files.removeOrphans(all)
			if len(p.errors) > 0 {
				return fmt.Errorf("what is left does not compile: %w", errors.Join(first(p.errors)...))
			}
			return nil
		}
	}
	return errors.New("the code does not become simpler")
}

func first(list []types.Error) (errs []error) {
	for _, e := range list[:min(len(list), 30)] {
		errs = append(errs, e)
	}
	return errs
}

// keepKind removes the other rows of the table of strategies.
func keepKind(files tree, strategy string) error {
	const name = "auth/strategies.go"
	fset := token.NewFileSet()
	src := files[name].content
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	e := newEdits(src, fset.File(file.Pos()))
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "kinds" {
			return true
		}
		for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			if nameOf(row) != strategy {
				e.cut(row.Pos(), e.afterComma(row.End()))
			}
		}
		return false
	})
	return files.set(name, e.apply())
}

// nameOf returns the value of the element Name of a row.
func nameOf(row ast.Expr) (name string) {
	for _, x := range row.(*ast.CompositeLit).Elts {
		if kv, ok := x.(*ast.KeyValueExpr); ok && isName(kv.Key, "Name") {
			name = textOf(kv.Value)
		}
	}
	return name
}

// set replaces the content of a Go file, formatted.
func (t tree) set(name string, content []byte) error {
	formatted, err := format.Source(content)
	if err != nil {
		return fmt.Errorf("%s: %w in\n%s", name, err, content)
	}
	e := t[name]
	e.content = formatted
	t[name] = e
	return nil
}

// removeOrphans removes the tests and other files of packages of which no code is left.
func (t tree) removeOrphans(before tree) {
	code := func(files tree) map[string]bool {
		dirs := map[string]bool{}
		for name := range files {
			if isCode(name) && !isTest(name) {
				dirs[path.Dir(name)] = true
			}
		}
		return dirs
	}
	was, is := code(before), code(t)
	t.remove(func(name string) bool {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if is[dir] {
				return false
			}
			if was[dir] {
				return true
			}
		}
		return false
	})
}

// unused cuts the imports and variables of which the compiler says that they are not used.
func (c *cutter) unused() {
	positions := map[token.Pos]bool{}
	for _, e := range c.p.unused {
		positions[e.Pos] = true
	}
	for name, file := range c.p.files {
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
				c.imports(name, d, positions)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch s := n.(type) {
			case *ast.AssignStmt:
				c.assigned(name, s, positions)
			case *ast.RangeStmt:
				c.ranged(name, s, positions)
			case *ast.DeclStmt:
				spec, ok := s.Decl.(*ast.GenDecl).Specs[0].(*ast.ValueSpec)
				if ok && len(spec.Names) == 1 && (positions[spec.Names[0].Pos()] || c.p.isUnused(spec)) {
					c.cut(name, s)
				}
			}
			return true
		})
	}
	for _, e := range c.p.errors {
		if !strings.HasPrefix(e.Msg, "no new variables") {
			continue
		}
		name := c.p.name(e.Pos)
		ast.Inspect(c.p.files[name], func(n ast.Node) bool {
			if s, ok := n.(*ast.AssignStmt); ok && s.TokPos == e.Pos {
				c.of(name).replace(s.TokPos, s.TokPos+2, "=")
			}
			return true
		})
	}
}

// isUnused reports whether a local constant is not used, which the compiler allows.
func (p *program) isUnused(spec *ast.ValueSpec) bool {
	constant, ok := p.info.Defs[spec.Names[0]].(*types.Const)
	if !ok {
		return false
	}
	for _, o := range p.info.Uses {
		if o == constant {
			return false
		}
	}
	return true
}

// imports cuts the imports that are not used.
func (c *cutter) imports(name string, d *ast.GenDecl, unused map[token.Pos]bool) {
	for _, spec := range d.Specs {
		if unused[spec.Pos()] || c.p.isGone(spec.(*ast.ImportSpec)) {
			c.planned[spec] = true
		}
	}
	if c.all(d.Specs) {
		c.of(name).cut(d.Pos(), d.End())
		return
	}
	for _, spec := range d.Specs {
		if c.planned[spec] {
			c.of(name).cut(spec.Pos(), spec.End())
		}
	}
}

// isGone reports whether an import names a package of ours of which nothing is left.
func (p *program) isGone(spec *ast.ImportSpec) bool {
	dir, ours := strings.CutPrefix(textOf(spec.Path), oldModule+"/")
	return ours && len(p.inDir(dir, false)) == 0
}

// ranged cuts the variables of a loop that are not used.
func (c *cutter) ranged(name string, s *ast.RangeStmt, unused map[token.Pos]bool) {
	drops := func(x ast.Expr) bool { return x == nil || isName(x, "_") || unused[x.Pos()] }
	switch {
	case s.Tok != token.DEFINE || s.Key == nil:
	case drops(s.Key) && drops(s.Value):
		c.of(name).cut(s.Key.Pos(), s.Range)
	case drops(s.Key) && !isName(s.Key, "_"):
		c.of(name).replace(s.Key.Pos(), s.Key.End(), "_")
	case drops(s.Value) && s.Value != nil:
		c.of(name).cut(s.Key.End(), s.Value.End())
	}
}

// assigned cuts a definition of variables of which none is used, or those that are not.
func (c *cutter) assigned(name string, s *ast.AssignStmt, unused map[token.Pos]bool) {
	some, used := false, false
	for _, x := range s.Lhs {
		some = some || unused[x.Pos()]
		used = used || !unused[x.Pos()] && !isName(x, "_")
	}
	if s.Tok != token.DEFINE || !some {
		return
	}
	if !used {
		c.cut(name, s)
		return
	}
	for _, x := range s.Lhs {
		if unused[x.Pos()] {
			c.of(name).replace(x.Pos(), x.End(), "_")
		}
	}
}

// apply makes the edits, removes the files of which nothing is left, and reports whether
// anything changed. What is cut from generated code is cut from its template.
func (c *cutter) apply(files tree) (changed bool, err error) {
	for name, e := range c.edits {
		if len(e.list) == 0 {
			continue
		}
		changed = true
		out := e.apply()
		if err := files.set(name, out); err != nil {
			return false, err
		}
		if source, ok := strings.CutSuffix(name, "_templ.go"); ok {
			files.cutTemplates(source+".templ", files[name].content)
		}
		if file, err := parser.ParseFile(token.NewFileSet(), name, out, parser.SkipObjectResolution); err != nil {
			return false, err
		} else if !slices.ContainsFunc(file.Decls, declaresSomething) {
			delete(files, name)
			delete(files, strings.TrimSuffix(name, "_templ.go")+".templ")
		}
	}
	return changed, nil
}

// declaresSomething reports whether a declaration has a name, and is no import.
func declaresSomething(decl ast.Decl) bool {
	d, ok := decl.(*ast.GenDecl)
	if !ok {
		return true
	}
	return slices.ContainsFunc(d.Specs, func(s ast.Spec) bool {
		value, isValue := s.(*ast.ValueSpec)
		_, isType := s.(*ast.TypeSpec)
		return isType || isValue && value.Names[0].Name != "_"
	})
}

// component matches a component of a template, with the comment above it.
var component = regexp.MustCompile(`(?ms)^(?://[^\n]*\n)*templ (\w+)\(.*?^}\n\n?`)

// importLine matches an import on a line of its own.
var importLine = regexp.MustCompile(`(?m)^\t("[^"\n]+")\n`)

// cutTemplates removes from a template the components and imports that its generated code
// does not have any more.
func (t tree) cutTemplates(name string, generated []byte) {
	e := t[name]
	e.content = component.ReplaceAllFunc(e.content, func(text []byte) []byte {
		id := component.FindSubmatch(text)[1]
		if strings.Contains(string(generated), "func "+string(id)+"(") {
			return text
		}
		return nil
	})
	e.content = importLine.ReplaceAllFunc(e.content, func(text []byte) []byte {
		if strings.Contains(string(generated), strings.TrimSpace(string(text))) {
			return text
		}
		return nil
	})
	e.content = []byte(withBlocksOf(string(e.content), string(generated)))
	t[name] = e
}

// withBlocksOf returns a template whose types and functions are those of its generated code,
// into which templ copies them.
func withBlocksOf(text, generated string) string {
	is := map[string]string{}
	blocks(generated, func(header, block string) { is[header] = block })
	var out strings.Builder
	blocks(text, func(header, block string) {
		if header == "" {
			out.WriteString(block)
		} else if now, ok := is[header]; ok {
			out.WriteString(now)
		}
	})
	return out.String()
}

// blocks calls yield with each declaration of a type or function, and the comment above it,
// and with an empty header for each other line.
func blocks(text string, yield func(header, block string)) {
	var comment strings.Builder
	header, block := "", ""
	for line := range strings.Lines(text) {
		switch {
		case header != "":
			if block += line; line == "}\n" {
				yield(header, block)
				header, block = "", ""
			}
		case strings.HasPrefix(line, "//"):
			comment.WriteString(line)
		case strings.HasPrefix(line, "type ") || strings.HasPrefix(line, "func "):
			header, block = headerOf(line), comment.String()+line
			comment.Reset()
			if strings.HasSuffix(line, "}\n") {
				yield(header, block)
				header, block = "", ""
			}
		default:
			yield("", comment.String()+line)
			comment.Reset()
		}
	}
	if comment.Len() > 0 {
		yield("", comment.String())
	}
}

// headerOf returns the first line of a declaration up to its parameters or fields.
func headerOf(line string) string {
	if method, rest, ok := strings.Cut(strings.TrimPrefix(line, "func ("), ") "); ok && strings.HasPrefix(line, "func (") {
		name, _, _ := strings.Cut(rest, "(")
		return "func (" + method + ") " + name
	}
	header, _, _ := strings.Cut(line, "(")
	header, _, _ = strings.Cut(header, "{")
	return strings.TrimSpace(header)
}
