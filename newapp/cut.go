package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

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
