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
