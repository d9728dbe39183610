package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// facts holds what is known of expressions in a program with one strategy.
type facts struct {
	g         *graph
	strategy  string
	known     map[string]truth       // of fields and the results of functions, by key
	unset     map[string]bool        // fields that keep their zero value
	variables map[types.Object]truth // local variables
	changed   map[types.Object]bool  // local variables that have more than one value
	names     []string               // of every strategy
}

// newFacts looks for fields that nothing sets any more, functions that return a constant,
// and assertions to interfaces that nothing implements.
func newFacts(g *graph, o options, was, is reached) *facts {
	f := &facts{g: g, strategy: o.strategy, known: o.seeds(), unset: map[string]bool{}, variables: map[types.Object]truth{}, names: strategies()}
	for key := range was.set {
		if !is.set[key] && !g.tagged[key] {
			f.unset[key] = true
		}
	}
	for key, unset := range o.unset() {
		f.unset[key] = f.unset[key] || unset
	}
	f.changed = changedVariables(g.p)
	fold := folder{fact: f.of}
	for _, file := range g.p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				f.assertion(n, is)
				f.definition(n)
			case *ast.FuncDecl:
				if t := constant(n, fold); t != unknown {
					f.known[g.key(g.p.info.Defs[n.Name])] = t
				}
			}
			return true
		})
	}
	return f
}

// assertion looks at an assertion with two results to an interface of ours. If no type
// that the program uses implements it, or what is asserted is always nil, the second is
// always false.
func (f *facts) assertion(s *ast.AssignStmt, is reached) {
	if len(s.Lhs) != 2 || len(s.Rhs) != 1 {
		return
	}
	x, ok := s.Rhs[0].(*ast.TypeAssertExpr)
	if !ok || x.Type == nil {
		return
	}
	id, named := s.Lhs[1].(*ast.Ident)
	if from, ok := x.X.(*ast.SelectorExpr); ok && named && f.unset[f.g.key(f.g.p.info.Uses[from.Sel])] {
		f.variables[f.g.p.info.Defs[id]] = isFalse
		return
	}
	i, ok := f.g.p.info.Types[x.Type].Type.Underlying().(*types.Interface)
	if !ok || !named || f.g.key(objectOf(f.g.p.info.Types[x.Type].Type)) == "" {
		return
	}
	for _, t := range f.g.types {
		n, ok := t.Type().(*types.Named)
		if ok && is.program[keyOf(t.Pkg(), t.Name())] && !types.IsInterface(n) && implements(n, i) {
			return
		}
	}
	f.variables[f.g.p.info.Defs[id]] = isFalse
}

// definition looks at the definition of a variable as true or false that nothing changes.
func (f *facts) definition(s *ast.AssignStmt) {
	if s.Tok != token.DEFINE || len(s.Lhs) != len(s.Rhs) {
		return
	}
	for i, x := range s.Lhs {
		id, ok := x.(*ast.Ident)
		if !ok || f.g.p.info.Defs[id] == nil || f.changed[f.g.p.info.Defs[id]] {
			continue
		}
		switch {
		case isName(s.Rhs[i], "true"):
			f.variables[f.g.p.info.Defs[id]] = isTrue
		case isName(s.Rhs[i], "false"):
			f.variables[f.g.p.info.Defs[id]] = isFalse
		}
	}
}

// changedVariables returns the variables that are assigned to or whose address is taken.
func changedVariables(p *program) map[types.Object]bool {
	changed := map[types.Object]bool{}
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			var list []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				list = n.Lhs
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					list = []ast.Expr{n.X}
				}
			}
			for _, x := range list {
				if id, ok := x.(*ast.Ident); ok && p.info.Uses[id] != nil {
					changed[p.info.Uses[id]] = true
				}
			}
			return true
		})
	}
	return changed
}

func pointee(t types.Type) types.Type {
	if p, ok := t.(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

func objectOf(t types.Type) types.Object {
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj()
	}
	return nil
}

// constant returns what is known of the result of a function.
func constant(d *ast.FuncDecl, fold folder) truth {
	if d.Body == nil || len(d.Body.List) == 0 {
		return unknown
	}
	last := len(d.Body.List) - 1
	for _, s := range d.Body.List[:last] {
		if a, ok := s.(*ast.AssignStmt); !ok || a.Tok != token.DEFINE {
			return unknown
		}
	}
	r, ok := d.Body.List[last].(*ast.ReturnStmt)
	if !ok || len(r.Results) != 1 || isName(r.Results[0], "true") || isName(r.Results[0], "false") {
		return unknown
	}
	return fold.known(r.Results[0])
}

// of returns what is known of x from its type.
func (f *facts) of(x ast.Expr) truth {
	switch x := x.(type) {
	case *ast.Ident:
		if o := f.g.p.info.Uses[x]; o != nil {
			return f.variables[o]
		}
	case *ast.SelectorExpr:
		key := f.g.key(f.g.p.info.Uses[x.Sel])
		if t := f.known[key]; t != unknown {
			return t
		}
		if t := f.g.p.info.Types[x].Type; f.unset[key] && t != nil && types.Identical(t.Underlying(), types.Typ[types.Bool]) {
			return isFalse
		}
	case *ast.CallExpr:
		return f.known[f.callee(x)]
	case *ast.BinaryExpr:
		switch x.Op {
		case token.EQL:
			return f.equal(x)
		case token.NEQ:
			return f.equal(x).not()
		}
	}
	return unknown
}

func (f *facts) callee(x *ast.CallExpr) string {
	switch fun := x.Fun.(type) {
	case *ast.Ident:
		return f.g.key(f.g.p.info.Uses[fun])
	case *ast.SelectorExpr:
		return f.g.key(f.g.p.info.Uses[fun.Sel])
	}
	return ""
}

func (f *facts) equal(x *ast.BinaryExpr) truth {
	field, ok := x.X.(*ast.SelectorExpr)
	if !ok {
		return unknown
	}
	if name := textOf(x.Y); field.Sel.Name == "Strategy" && slices.Contains(f.names, name) {
		return truthOf(name == f.strategy)
	}
	lit, _ := x.Y.(*ast.BasicLit)
	if zero := isName(x.Y, "nil") || lit != nil && (lit.Value == `""` || lit.Value == "0"); zero && f.unset[f.g.key(f.g.p.info.Uses[field.Sel])] {
		return isTrue
	}
	return unknown
}
