package main

import (
	"go/types"
	"path"
	"strings"
)

// foreignInterfaces returns the interfaces of the packages of other modules that ours
// import, and those whose names everybody knows.
func foreignInterfaces(p *program) (all []*types.Interface) {
	seen := map[*types.Package]bool{}
	add := func(pkg *types.Package) {
		if pkg == nil || seen[pkg] || pkg.Path() == oldModule || strings.HasPrefix(pkg.Path(), oldModule+"/") {
			return
		}
		seen[pkg] = true
		for _, name := range pkg.Scope().Names() {
			t, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if !ok || !t.Exported() || t.Name() == "Closer" { // whoever closes something of ours knows its type
				continue
			}
			if i, ok := t.Type().Underlying().(*types.Interface); ok && i.NumMethods() > 0 {
				all = append(all, i)
			}
		}
	}
	for _, pkg := range p.pkgs {
		if pkg == nil {
			continue
		}
		for _, imported := range pkg.Imports() {
			add(imported)
		}
	}
	for _, name := range []string{"encoding", "encoding/json", "fmt", "io", "log/slog", "net/http"} {
		pkg, _ := p.foreign.Import(name)
		add(pkg)
	}
	return append(all, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}

// alwaysCalled are methods that packages look for without an exported interface.
var alwaysCalled = []string{"Is", "As", "Unwrap", "Timeout", "Temporary"}

// live returns the keys that can be reached from the units for which root holds. A field
// counts as reached when it is read, not when it is only set, unless keep says so.
func (g *graph) live(root func(*unit) bool, keep func(field string) bool) (live map[string]bool, units map[*unit]bool) {
	live, units = map[string]bool{}, map[*unit]bool{}
	waiting := map[string][]*unit{}
	var queue []*unit
	enter := func(u *unit) {
		if !units[u] {
			units[u] = true
			queue = append(queue, u)
		}
	}
	var reach func(key string)
	reach = func(key string) {
		if live[key] {
			return
		}
		live[key] = true
		if u := g.declares[key]; u != nil {
			enter(u)
			if u.in != nil { // a field reaches its type
				for _, k := range u.in.keys {
					reach(k)
				}
			}
		}
		for _, u := range waiting[key] {
			enter(u)
		}
	}
	parts := map[*unit][]*unit{}
	for _, u := range g.units {
		if u.in != nil && len(u.needs) > 0 {
			parts[u.in] = append(parts[u.in], u)
		}
		if root(u) {
			enter(u)
			for _, k := range u.keys {
				live[k] = true
			}
		}
	}
	for {
		for len(queue) > 0 {
			u := queue[0]
			queue = queue[1:]
			for _, key := range u.refs {
				reach(key)
			}
			for _, part := range parts[u] {
				if key := part.needs[0]; live[key] {
					enter(part)
				} else if keep(key) {
					reach(key)
					enter(part)
				} else {
					waiting[key] = append(waiting[key], part)
				}
			}
		}
		before := len(live)
		for _, m := range g.methods(live, units) {
			reach(m)
		}
		if len(live) == before && len(queue) == 0 {
			return live, units
		}
	}
}

// methods returns the methods that live types need for the interfaces through which they
// are called.
func (g *graph) methods(live map[string]bool, units map[*unit]bool) (keys []string) {
	var called []*types.Interface
	for _, i := range g.ifaces {
		if units[i.of] {
			called = append(called, i.t)
		}
	}
	for _, t := range g.types {
		if !live[keyOf(t.Pkg(), t.Name())] {
			continue
		}
		if _, ok := t.Type().Underlying().(*types.Interface); ok {
			continue
		}
		named, _ := t.Type().(*types.Named)
		if named == nil {
			continue
		}
		set := types.NewMethodSet(types.NewPointer(named))
		want := func(name string) {
			for i := range set.Len() {
				if m := set.At(i).Obj(); m.Name() == name {
					if key := g.key(m); key != "" && !live[key] {
						keys = append(keys, key)
					}
				}
			}
		}
		if named.TypeParams().Len() > 0 { // may implement anything
			for i := range set.Len() {
				want(set.At(i).Obj().Name())
			}
			continue
		}
		for _, name := range alwaysCalled {
			want(name)
		}
		for _, i := range g.foreign {
			if implements(named, i) {
				for m := range i.Methods() {
					want(m.Name())
				}
			}
		}
		for _, i := range called {
			if i.NumMethods() == 0 || !implements(named, i) {
				continue
			}
			for m := range i.Methods() {
				if key := g.key(m); key == "" || live[key] {
					want(m.Name())
				}
			}
		}
	}
	return keys
}

func implements(t *types.Named, i *types.Interface) bool {
	return types.Implements(t, i) || types.Implements(types.NewPointer(t), i)
}

// isTestCode reports whether a file is code of tests: in a test file, or in a package that
// only tests import.
func isTestCode(name string) bool {
	dir := path.Dir(name)
	return isTest(name) || strings.HasSuffix(dir, "test") || dir == "e2e"
}
