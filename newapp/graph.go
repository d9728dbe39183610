package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// A unit is a piece of code that can be removed on its own: the declaration of a
// function, type, variable or constant, a field, a method of an interface, or an element
// of a composite literal or an assignment that sets a field.
type unit struct {
	file  string
	node  ast.Node
	keys  []string  // of what it declares
	needs []string  // what must be live for the unit to count: it sets or lists these
	in    *unit     // the unit around it, nil for a declaration
	refs  []string  // what it refers to
	sets  []setting // the fields that it sets to something
	root  bool      // it runs, or is for the tests to run
}

// A setting is a field and what it is set to, nil if that is not known.
type setting struct {
	field string
	x     ast.Expr
}

// A graph holds the units of a program and what they refer to.
type graph struct {
	p        *program
	units    []*unit
	declares map[string]*unit
	owners   map[types.Object]string // the keys of fields and of methods of interfaces
	tagged   map[string]bool         // fields with a tag, which reflection may read
	types    []*types.TypeName
	ifaces   []iface // every interface of ours, also those without a name
	foreign  []*types.Interface
}

// An iface is an interface and the unit that it is part of.
type iface struct {
	of *unit
	t  *types.Interface
}

func newGraph(p *program) *graph {
	g := &graph{p: p, declares: map[string]*unit{}, owners: map[types.Object]string{}, tagged: map[string]bool{}}
	for _, pkg := range p.pkgs {
		if pkg != nil {
			g.own(pkg)
		}
	}
	g.foreign = foreignInterfaces(p)
	for name, file := range p.files {
		for _, decl := range file.Decls {
			g.declaration(name, decl)
		}
	}
	for _, u := range g.units {
		for _, k := range u.keys {
			g.declares[k] = u
		}
	}
	return g
}

// own records which type each field and each method of an interface belongs to.
func (g *graph) own(pkg *types.Package) {
	for _, name := range pkg.Scope().Names() {
		t, ok := pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok || t.IsAlias() {
			continue
		}
		g.types = append(g.types, t)
		switch u := t.Type().Underlying().(type) {
		case *types.Struct:
			for i := range u.NumFields() {
				key := keyOf(pkg, t.Name(), u.Field(i).Name())
				if g.owners[u.Field(i)] == "" { // the first of several types of one struct type
					g.owners[u.Field(i)] = key
				}
				g.tagged[key] = u.Tag(i) != ""
			}
		case *types.Interface:
			for i := range u.NumExplicitMethods() {
				g.owners[u.ExplicitMethod(i)] = keyOf(pkg, t.Name(), u.ExplicitMethod(i).Name())
			}
		}
	}
}

func keyOf(pkg *types.Package, names ...string) string {
	return pkg.Path() + "." + strings.Join(names, ".")
}

// key returns the key of an object of ours that is no local variable, "" for any other.
func (g *graph) key(o types.Object) string {
	if o == nil || o.Pkg() == nil || o.Pkg().Path() != oldModule && !strings.HasPrefix(o.Pkg().Path(), oldModule+"/") {
		return ""
	}
	switch v := o.(type) {
	case *types.Var:
		o = v.Origin()
	case *types.Func:
		v = v.Origin()
		o = v
		if recv := v.Signature().Recv(); recv != nil {
			if key := g.owners[v]; key != "" {
				return key
			}
			if name := typeName(recv.Type()); name != nil {
				return keyOf(name.Pkg(), name.Name(), v.Name())
			}
			return ""
		}
	}
	if key := g.owners[o]; key != "" {
		return key
	}
	if o.Parent() == o.Pkg().Scope() {
		return keyOf(o.Pkg(), o.Name())
	}
	return ""
}

func typeName(t types.Type) *types.TypeName {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj()
	}
	return nil
}

// declaration adds the units of a declaration.
func (g *graph) declaration(name string, decl ast.Decl) {
	if d, ok := decl.(*ast.FuncDecl); ok {
		u := g.add(name, d, nil, g.p.info.Defs[d.Name])
		u.root = d.Recv == nil && (d.Name.Name == "main" || d.Name.Name == "init" || isTest(name) && entryPoint.MatchString(d.Name.Name))
		g.collect(u, d)
		return
	}
	d := decl.(*ast.GenDecl)
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			g.typeSpec(name, s)
		case *ast.ValueSpec:
			var objects []types.Object
			for _, id := range s.Names {
				objects = append(objects, g.p.info.Defs[id])
			}
			g.collect(g.add(name, s, nil, objects...), s)
		}
	}
}

func (g *graph) add(name string, node ast.Node, in *unit, objects ...types.Object) *unit {
	u := &unit{file: name, node: node, in: in}
	for _, o := range objects {
		if key := g.key(o); key != "" && o.Name() != "_" {
			u.keys = append(u.keys, key)
		}
	}
	g.units = append(g.units, u)
	return u
}

// typeSpec adds a type, and its fields or methods as units of their own.
func (g *graph) typeSpec(name string, s *ast.TypeSpec) {
	u := g.add(name, s, nil, g.p.info.Defs[s.Name])
	if s.TypeParams != nil {
		g.collect(u, s.TypeParams)
	}
	var list *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
		if i, ok := g.p.info.Types[t].Type.(*types.Interface); ok {
			g.ifaces = append(g.ifaces, iface{u, i})
		}
	default:
		g.collect(u, s.Type)
		return
	}
	for _, field := range list.List {
		if len(field.Names) == 0 {
			g.collect(u, field.Type)
			continue
		}
		for _, id := range field.Names { // each can go on its own
			var node ast.Node = field
			if len(field.Names) > 1 {
				node = id
			}
			g.collect(g.add(name, node, u, g.p.info.Defs[id]), field.Type)
		}
	}
}

// collect adds what a node refers to.
func (g *graph) collect(u *unit, node ast.Node) {
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.InterfaceType:
			if i, ok := g.p.info.Types[n].Type.(*types.Interface); ok {
				g.ifaces = append(g.ifaces, iface{u, i})
			}
		case *ast.CompositeLit:
			return g.literal(u, n)
		case *ast.AssignStmt:
			if set := g.assigned(n); set != "" {
				part := g.add(u.file, n, u)
				part.setting(set, n.Rhs[0])
				part.needs = []string{set}
				g.collect(part, n.Lhs[0].(*ast.SelectorExpr).X)
				g.collect(part, n.Rhs[0])
				return false
			}
			for _, x := range n.Lhs {
				if s, ok := x.(*ast.SelectorExpr); ok {
					u.sets = append(u.sets, setting{g.key(g.p.info.Uses[s.Sel]), nil})
				}
			}
		case *ast.IncDecStmt:
			if s, ok := n.X.(*ast.SelectorExpr); ok {
				u.sets = append(u.sets, setting{g.key(g.p.info.Uses[s.Sel]), nil})
			}
		case *ast.UnaryExpr:
			if s, ok := n.X.(*ast.SelectorExpr); ok && n.Op == token.AND {
				u.sets = append(u.sets, setting{g.key(g.p.info.Uses[s.Sel]), nil})
			}
		case *ast.SelectorExpr:
			if s := g.p.info.Selections[n]; s != nil {
				g.embedded(u, s)
			}
		case *ast.Ident:
			if key := g.key(g.p.info.Uses[n]); key != "" {
				u.refs = append(u.refs, key)
			}
		}
		return true
	})
}

// embedded adds the embedded fields that a selection goes through, and what a method of
// an interface that is selected this way is.
func (g *graph) embedded(u *unit, s *types.Selection) {
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok {
			return
		}
		if key := g.key(st.Field(i)); key != "" {
			u.refs = append(u.refs, key)
		}
		t = st.Field(i).Type()
	}
}

// assigned returns the field that a statement sets and does nothing else, or "".
func (g *graph) assigned(s *ast.AssignStmt) string {
	if s.Tok != token.ASSIGN || len(s.Lhs) != 1 || len(s.Rhs) != 1 {
		return ""
	}
	x, ok := s.Lhs[0].(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	v, ok := g.p.info.Uses[x.Sel].(*types.Var)
	if !ok || !v.IsField() {
		return ""
	}
	return g.key(v)
}

// literal adds the elements of a composite literal that depend on a key: a field, or a
// constant that is the index of a row. It reports whether to go on inside.
func (g *graph) literal(u *unit, lit *ast.CompositeLit) bool {
	t := g.p.info.Types[lit].Type
	if t == nil {
		return true
	}
	st := structOf(t)
	isStruct := st != nil
	if lit.Type != nil {
		g.collect(u, lit.Type)
	}
	for i, x := range lit.Elts {
		kv, ok := x.(*ast.KeyValueExpr)
		if !ok {
			if isStruct && i < st.NumFields() {
				if key := g.key(st.Field(i)); key != "" { // all fields stay
					u.refs = append(u.refs, key)
					u.setting(key, x)
				}
			}
			g.collect(u, x)
			continue
		}
		id, ok := kv.Key.(*ast.Ident)
		key := ""
		if ok {
			key = g.key(g.p.info.Uses[id])
		}
		if _, constant := g.p.info.Uses[id].(*types.Const); key == "" || !isStruct && !constant {
			g.collect(u, kv)
			continue
		}
		part := g.add(u.file, kv, u)
		part.setting(key, kv.Value)
		part.needs = []string{key}
		g.collect(part, kv.Value)
	}
	return false
}

// structOf returns the struct type that t is or points to, or nil.
func structOf(t types.Type) *types.Struct {
	if t == nil {
		return nil
	}
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	st, _ := t.Underlying().(*types.Struct)
	return st
}

// setting records that the unit sets a field to x.
func (u *unit) setting(field string, x ast.Expr) {
	u.sets = append(u.sets, setting{field, x})
}
