package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// A pruner removes, from a tree from which code was taken out, what only that code used,
// and the tests about it.
type pruner struct {
	was     reached
	foreign func(text string) bool // reports whether a text of a test is about what is gone, such as another strategy
	other   func(file string) bool // reports whether a file of tests is about what is gone
	gone    map[string]bool        // the keys of all that was removed
	more    bool                   // gone grew while units were looked at
}

// A reached value holds the keys that the program reaches, and those that the program or
// its tests reach.
type reached struct {
	program, all map[string]bool
	set          map[string]bool // the fields that the program sets to something
}

// newPruner returns a pruner for p, out of which the files that are not in left were taken.
func newPruner(p *program, left tree, foreign func(text string) bool, other func(file string) bool) *pruner {
	g := newGraph(p)
	r := &pruner{was: g.reached(func(field string) bool { return g.tagged[field] }), foreign: foreign, other: other, gone: map[string]bool{}}
	for _, u := range g.units {
		if _, ok := left[u.file]; !ok || len(u.keys) == 1 && slices.Contains(aboutBefore, u.keys[0]) {
			for _, k := range u.keys {
				r.gone[k] = true
			}
		}
	}
	return r
}

// aboutBefore are helpers of tests of databases with an older schema.
var aboutBefore = []string{oldModule + "/db.openBefore"}

func (g *graph) reached(keep func(field string) bool) reached {
	program, units := g.live(func(u *unit) bool { return u.root && !isTestCode(u.file) }, keep)
	all, _ := g.live(func(u *unit) bool { return u.root }, keep)
	return reached{program, all, g.setTo(units)}
}

// setTo returns the fields that units set to something: not to nil, false, or a field that
// nothing sets.
func (g *graph) setTo(units map[*unit]bool) map[string]bool {
	set := map[string]bool{}
	for before := -1; before < len(set); {
		before = len(set)
		for u := range units {
			for _, s := range u.sets {
				set[s.field] = set[s.field] || g.isSomething(s.x, set)
				if !set[s.field] {
					delete(set, s.field)
				}
			}
		}
	}
	return set
}

func (g *graph) isSomething(x ast.Expr, set map[string]bool) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name != "nil" && x.Name != "false"
	case *ast.SelectorExpr:
		v, ok := g.p.info.Uses[x.Sel].(*types.Var)
		if ok && v.IsField() && g.key(v) != "" && !g.tagged[g.key(v)] {
			return set[g.key(v)]
		}
	}
	return true
}

// entryPoint matches what go test runs by its name.
var entryPoint = regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)`)

// prune makes one round of cuts.
func (r *pruner) prune(g *graph, c *cutter, is reached) {
	cut := map[*unit]bool{}
	remove := func(u *unit) {
		cut[u] = true
		for _, k := range u.keys {
			r.gone[k] = true
		}
	}
	for _, u := range g.units {
		if u.in == nil && r.other(u.file) || len(u.keys) > 0 && !slices.ContainsFunc(u.keys, func(k string) bool { return !r.dead(k, is) }) {
			remove(u)
		}
	}
	for changed := true; changed; { // what is gone takes with it what mentions it
		changed, r.more = false, false
		for _, u := range g.units {
			if cut[u] || u.in != nil || len(u.keys) > 0 && is.program[u.keys[0]] && !isTestCode(u.file) {
				continue
			}
			if r.mentions(g, c, u) {
				remove(u)
				changed = true
				if fake := fakeOf(g, u); fake != "" && !r.gone[fake] {
					r.gone[fake] = true
				}
			}
		}
		changed = changed || r.more
	}
	for _, u := range g.units {
		if cut[u] || len(u.needs) > 0 && r.gone[u.needs[0]] {
			cut[u], c.planned[u.node] = true, true
		}
	}
	for u := range cut {
		c.cut(u.file, u.node)
	}
}

// reads reports, of a field that is set, whether it counts as read.
func (r *pruner) reads(g *graph) func(field string) bool {
	return func(field string) bool { return g.tagged[field] || !r.was.program[field] && !r.was.all[field] }
}

// fakeOf returns the key of the type of tests for which a unit only says that it
// implements an interface.
func fakeOf(g *graph, u *unit) string {
	s, ok := u.node.(*ast.ValueSpec)
	if !ok || !isTestCode(u.file) || len(s.Names) != 1 || s.Names[0].Name != "_" || len(s.Values) != 1 {
		return ""
	}
	return g.key(objectOf(pointee(g.p.info.Types[s.Values[0]].Type)))
}

// dead reports whether something was used before and is not used any more.
func (r *pruner) dead(key string, is reached) bool {
	if r.was.program[key] {
		return !is.program[key]
	}
	return r.was.all[key] && !is.all[key]
}

// mentions cuts the parts of a unit that mention what is gone, and reports whether the
// whole unit has to go.
func (r *pruner) mentions(g *graph, c *cutter, u *unit) (whole bool) {
	var path []ast.Node
	ast.Inspect(u.node, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if r.setsGone(g, u, n) {
			c.cut(u.file, n)
			return false
		}
		path = append(path, n)
		bad := false
		switch n := n.(type) {
		case *ast.Ident:
			bad = r.gone[g.key(g.p.info.Uses[n])]
		case *ast.BasicLit:
			bad = n.Kind == token.STRING && isTestCode(u.file) && !isCompared(path) && r.foreign(textOf(n))
		}
		if bad && !r.cutField(g, c, u, path) && !c.cutInside(u.file, path) {
			if debugging != nil {
				debugging(u.file, u.keys, c.of(u.file).between(n.Pos(), n.End()))
			}
			whole = true
		}
		return true
	})
	return whole
}

// cutField cuts the field of a type that path leads into, if there is one.
func (r *pruner) cutField(g *graph, c *cutter, u *unit, path []ast.Node) bool {
	if _, ok := u.node.(*ast.TypeSpec); !ok {
		return false
	}
	for _, n := range path {
		field, ok := n.(*ast.Field)
		if !ok || len(field.Names) == 0 {
			continue
		}
		for _, id := range field.Names {
			if key := g.key(g.p.info.Defs[id]); !r.gone[key] {
				r.gone[key], r.more = true, true
			}
		}
		c.cut(u.file, field)
		return true
	}
	return false
}

// setsGone reports whether n sets a field that is gone, which the unit does not need. A
// test needs the fields that it sets; helpers of tests set them for all tests.
func (r *pruner) setsGone(g *graph, u *unit, n ast.Node) bool {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		id, ok := n.Key.(*ast.Ident)
		if !ok || u.root {
			return false
		}
		field := g.key(g.p.info.Uses[id])
		return r.gone[field] && !(isTest(u.file) && strings.HasPrefix(field, oldModule+"/handlers/handlerstest."))
	case *ast.AssignStmt:
		return !isTest(u.file) && r.gone[g.assigned(n)]
	}
	return false
}

// isCompared reports whether path ends at an operand of a comparison.
func isCompared(path []ast.Node) bool {
	if len(path) < 2 {
		return false
	}
	x, ok := path[len(path)-2].(*ast.BinaryExpr)
	return ok && (x.Op == token.EQL || x.Op == token.NEQ)
}

// A cutter collects the cuts in files.
type cutter struct {
	p       *program
	src     tree
	edits   map[string]*edits
	done    map[ast.Node]bool
	planned map[ast.Node]bool // declarations that will be cut
}

func newCutter(p *program, src tree) *cutter {
	return &cutter{p: p, src: src, edits: map[string]*edits{}, done: map[ast.Node]bool{}, planned: map[ast.Node]bool{}}
}

func (c *cutter) of(name string) *edits {
	if c.edits[name] == nil {
		c.edits[name] = newEdits(c.src[name].content, c.p.fset.File(c.p.files[name].Pos()))
	}
	return c.edits[name]
}

// cutInside cuts the smallest part that can go without the rest: a row of a list, a
// subtest, or a case. Path leads to what must go. It reports whether there is such a part.
func (c *cutter) cutInside(name string, path []ast.Node) bool {
	for i := len(path) - 1; i > 0; i-- {
		if c.done[path[i]] {
			return true
		}
		switch around := path[i-1].(type) {
		case *ast.CompositeLit:
			x, ok := path[i].(ast.Expr)
			if ok && x != around.Type && !c.p.isStruct(around) && c.leaves(around, x) {
				c.element(name, around, x)
				return true
			}
		case *ast.CaseClause:
			if x, ok := path[i].(ast.Expr); ok && slices.Contains(around.List, x) {
				if len(around.List) > 1 {
					c.from(name, around.List, x)
				} else {
					c.cut(name, around)
				}
				return true
			}
		}
		if call, ok := path[i-1].(*ast.CallExpr); ok && c.argument(name, call, path[i]) {
			return true
		}
		switch s := path[i].(type) {
		case *ast.ExprStmt:
			if isSubtest(s) {
				c.cut(name, s)
				return true
			}
		case *ast.IfStmt: // of a helper that serves many tests
			if !isTest(name) && s.Else == nil {
				c.cut(name, s)
				return true
			}
		}
	}
	return false
}

// leaves reports whether a list has an element that stays when x is cut.
func (c *cutter) leaves(list *ast.CompositeLit, x ast.Expr) bool {
	return slices.ContainsFunc(list.Elts, func(other ast.Expr) bool { return other != x && !c.done[other] })
}

// argument cuts one of several strategies that are given to a function.
func (c *cutter) argument(name string, call *ast.CallExpr, n ast.Node) bool {
	f, ok := c.p.info.Types[call.Fun].Type.(*types.Signature)
	x, isExpr := n.(ast.Expr)
	if !ok || !isExpr || !f.Variadic() || call.Ellipsis.IsValid() || !slices.Contains(strategies(), textOf(n)) {
		return false
	}
	first := f.Params().Len() - 1
	if len(call.Args)-first < 2 || slices.Index(call.Args, x) < first {
		return false
	}
	var left []ast.Expr
	for _, arg := range call.Args[first:] {
		if !c.done[arg] && arg != x {
			left = append(left, arg)
		}
	}
	if len(left) == 0 {
		return false
	}
	c.done[x] = true
	if i := slices.Index(call.Args, x); i+1 < len(call.Args) {
		c.of(name).cut(x.Pos(), call.Args[i+1].Pos())
	} else {
		c.of(name).cut(call.Args[i-1].End(), x.End())
	}
	return true
}

func (p *program) isStruct(lit *ast.CompositeLit) bool {
	return structOf(p.info.Types[lit].Type) != nil
}

// isSubtest reports whether a statement runs a test in a test.
func isSubtest(s *ast.ExprStmt) bool {
	call, ok := s.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	return ok && f.Sel.Name == "Run" && len(call.Args) == 2
}

func (c *cutter) element(name string, lit *ast.CompositeLit, x ast.Expr) { c.from(name, lit.Elts, x) }

// from cuts x out of a list.
func (c *cutter) from(name string, list []ast.Expr, x ast.Expr) {
	i, e := slices.Index(list, x), c.of(name)
	end := e.afterComma(x.End())
	if i+1 < len(list) {
		end = list[i+1].Pos()
		if e.line(end) != e.line(x.End()) {
			end = e.afterComma(x.End())
		}
	}
	c.done[x] = true
	e.cut(c.withDoc(name, x.Pos()), c.withRemark(name, end))
}

// cut cuts a declaration, a field, an element or a statement, with its comments.
func (c *cutter) cut(name string, node ast.Node) {
	if c.done[node] {
		return
	}
	c.done[node] = true
	from, to := node.Pos(), node.End()
	switch n := node.(type) {
	case *ast.Ident: // one of several fields
		c.fieldName(name, n)
		return
	case *ast.KeyValueExpr:
		to = c.of(name).afterComma(to)
		if src := c.of(name).text(to); strings.HasPrefix(src, " ") && !strings.HasPrefix(src, " //") {
			to++
		}
	case *ast.TypeSpec, *ast.ValueSpec:
		for _, decl := range c.p.files[name].Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || !slices.Contains(d.Specs, n.(ast.Spec)) {
				continue
			}
			if c.all(d.Specs) {
				from, to = d.Pos(), d.End()
			} else if value, ok := n.(*ast.ValueSpec); ok && d.Tok == token.CONST && len(value.Values) > 0 {
				c.passOn(name, d, value)
			}
		}
	}
	c.of(name).cut(c.withDoc(name, from), c.withRemark(name, to))
}

// fieldName cuts a field that shares its type with others.
func (c *cutter) fieldName(name string, id *ast.Ident) {
	ast.Inspect(c.p.files[name], func(n ast.Node) bool {
		f, ok := n.(*ast.Field)
		if !ok || !slices.Contains(f.Names, id) {
			return true
		}
		i, e := slices.Index(f.Names, id), c.of(name)
		switch stays := slices.ContainsFunc(f.Names, func(other *ast.Ident) bool { return !c.planned[other] }); {
		case !stays:
			c.cut(name, f)
		case i+1 < len(f.Names) && !slices.ContainsFunc(f.Names[:i], func(other *ast.Ident) bool { return !c.planned[other] }):
			e.cut(id.Pos(), f.Names[i+1].Pos())
		case i == 0:
			e.cut(id.Pos(), f.Names[i+1].Pos())
		default:
			e.cut(f.Names[i-1].End(), id.End())
		}
		return false
	})
}

// all reports whether all specs are cut.
func (c *cutter) all(specs []ast.Spec) bool {
	return !slices.ContainsFunc(specs, func(s ast.Spec) bool { return !c.planned[s] })
}

// passOn gives the type and value of the first constant of a group to the next one that
// stays and has none.
func (c *cutter) passOn(name string, d *ast.GenDecl, first *ast.ValueSpec) {
	for _, s := range d.Specs[slices.Index(d.Specs, ast.Spec(first))+1:] {
		next := s.(*ast.ValueSpec)
		if len(next.Values) > 0 {
			return
		}
		if !c.planned[next] {
			e := c.of(name)
			e.replace(next.Pos(), next.End(), next.Names[0].Name+e.between(first.Names[0].End(), first.End()))
			return
		}
	}
}

// withDoc returns the start of the comment that ends on the line before pos, or pos.
func (c *cutter) withDoc(name string, pos token.Pos) token.Pos {
	e := c.of(name)
	if !e.startsLine(pos) {
		return pos
	}
	for _, comment := range c.p.files[name].Comments {
		if e.line(comment.End()) == e.line(pos)-1 && e.startsLine(comment.Pos()) && comment.Pos() > c.p.files[name].Name.End() {
			return comment.Pos()
		}
	}
	return pos
}

// withRemark returns the end of the comment that follows pos on its line if nothing else
// does, or pos.
func (c *cutter) withRemark(name string, pos token.Pos) token.Pos {
	e := c.of(name)
	for _, comment := range c.p.files[name].Comments {
		if comment.Pos() >= pos && e.line(comment.Pos()) == e.line(pos) && strings.TrimSpace(e.between(pos, comment.Pos())) == "" {
			return comment.End()
		}
	}
	return pos
}

var debugging func(file string, keys []string, what string)
