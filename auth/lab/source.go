package lab

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strconv"
	"strings"

	"sessionlab/auth"
)

// A Source is the code of the strategies, read as a compiler reads it, so that a
// step of a receipt can be traced to the line that took it. No line is written
// down anywhere: all are found by the names of what they declare or call.
type Source struct {
	text       map[string][]byte // by file name
	fset       *token.FileSet
	methods    map[string]map[string]*ast.FuncDecl // by type and name
	functions  map[string]*ast.FuncDecl
	fields     map[string]map[string]string // the type of a field, by type and name
	verdicts   map[string]string            // the name of a verdict, by its text
	strategies map[string]reflect.Value     // as the table makes them
}

// A Place is one line of a file, counted from 1.
type Place struct {
	File string
	Line int
}

// ReadSource reads the code that was compiled in.
func ReadSource() (*Source, error) {
	s := &Source{
		text: map[string][]byte{}, fset: token.NewFileSet(), methods: map[string]map[string]*ast.FuncDecl{},
		functions: map[string]*ast.FuncDecl{}, fields: map[string]map[string]string{},
		verdicts: map[string]string{}, strategies: map[string]reflect.Value{},
	}
	names, err := fs.Glob(auth.Source, "*.go")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if s.text[name], err = auth.Source.ReadFile(name); err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(s.fset, name, s.text[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
		for _, d := range f.Decls {
			s.declare(d)
		}
	}
	seal := func(string) auth.Sealer { return nil }
	parts := auth.Parts{Sealer: seal, Stored: seal, Users: users{}, Sessions: sessions{}, Refresh: refresh{}}
	for _, kind := range auth.Kinds() {
		strategy, err := kind.New(parts)
		if err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
		s.strategies[kind.Name] = reflect.ValueOf(strategy)
	}
	return s, nil
}

func (s *Source) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			s.functions[d.Name.Name] = d
			return
		}
		of := typeName(d.Recv.List[0].Type)
		if s.methods[of] == nil {
			s.methods[of] = map[string]*ast.FuncDecl{}
		}
		s.methods[of][d.Name.Name] = d
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				s.declareFields(spec)
			case *ast.ValueSpec:
				s.declareVerdict(spec)
			}
		}
	}
}

func (s *Source) declareFields(spec *ast.TypeSpec) {
	st, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	s.fields[spec.Name.Name] = map[string]string{}
	for _, f := range st.Fields.List {
		for _, name := range f.Names {
			s.fields[spec.Name.Name][name.Name] = typeName(f.Type)
		}
	}
}

// declareVerdict notes a verdict: a variable that is a new Refusal with a text.
func (s *Source) declareVerdict(spec *ast.ValueSpec) {
	if len(spec.Values) != 1 {
		return
	}
	ref, ok := spec.Values[0].(*ast.UnaryExpr)
	if !ok {
		return
	}
	lit, ok := ref.X.(*ast.CompositeLit)
	if !ok || typeName(lit.Type) != "Refusal" || len(lit.Elts) != 2 {
		return
	}
	if text, ok := lit.Elts[1].(*ast.BasicLit); ok {
		if said, err := strconv.Unquote(text.Value); err == nil {
			s.verdicts[said] = spec.Names[0].Name
		}
	}
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// Files are the names of all files, with those of the strategies by strategy.
func (s *Source) File(strategy string) string {
	v, ok := s.strategies[strategy]
	if !ok {
		return ""
	}
	return s.place(s.methods[v.Type().Elem().Name()]["Issue"].Pos()).File
}

// Methods are the places of a strategy's methods, in the order of their names in
// [auth.Strategy] and its optional companions.
func (s *Source) Methods(strategy string) (names []string, places []Place) {
	v, ok := s.strategies[strategy]
	if !ok {
		return nil, nil
	}
	for _, name := range []string{"Issue", "Authenticate", "Renew", "End", "Revoke", "Window", "Sessions", "Confirm", "AccessTTL"} {
		if d := s.methods[v.Type().Elem().Name()][name]; d != nil {
			names, places = append(names, name), append(places, s.place(d.Pos()))
		}
	}
	return names, places
}

func (s *Source) place(p token.Pos) Place {
	at := s.fset.Position(p)
	return Place{at.Filename, at.Line}
}

// stores are the interfaces through which strategies reach what is stored, and
// reading the methods of those that only read.
var (
	stores  = map[string]bool{"SessionStore": true, "RefreshStore": true, "Users": true, "Epochs": true}
	reading = map[string]bool{"Find": true, "Family": true, "List": true, "User": true}
)

// Trace finds the place in the code of each step, and of the rule by which it was
// refused; a zero Place where there is none, as for what a page did besides.
func (s *Source) Trace(steps []auth.Step) (places, rules []Place) {
	places, rules = make([]Place, len(steps)), make([]Place, len(steps))
	for i, step := range steps {
		switch step.Kind {
		case "strategy":
			if v, method, ok := s.method(step); ok {
				places[i] = s.place(s.methods[v.Type().Elem().Name()][method].Pos())
				rules[i] = s.rule(v, method, step.Err)
			}
		case "seal":
			places[i] = s.place(s.methods["sealer"]["Seal"].Pos())
		case "open seal":
			places[i] = s.place(s.methods["sealer"]["Open"].Pos())
		case "read", "write", "transaction":
			if outer, ok := within(steps, i); ok {
				places[i] = s.statement(outer, step.Kind == "read")
			}
		}
	}
	return places, rules
}

// within is the call of a strategy that a step was part of: it began before and
// ended after.
func within(steps []auth.Step, i int) (auth.Step, bool) {
	for _, outer := range steps[i+1:] {
		if outer.Kind == "strategy" && outer.Began < steps[i].Began {
			return outer, true
		}
	}
	return auth.Step{}, false
}

// method is what a step of a strategy called: "hybrid renew" is Renew of Hybrid.
func (s *Source) method(step auth.Step) (v reflect.Value, method string, ok bool) {
	name, verb, _ := strings.Cut(step.Name, " ")
	if v, ok = s.strategies[name]; !ok || verb == "" {
		return v, "", false
	}
	method = strings.ToUpper(verb[:1]) + verb[1:]
	return v, method, s.methods[v.Type().Elem().Name()][method] != nil
}

// statement is where a method of a strategy first asks its store, to read or to write.
func (s *Source) statement(outer auth.Step, reads bool) (found Place) {
	v, method, ok := s.method(outer)
	if !ok {
		return Place{}
	}
	s.walk(v, method, func(n ast.Node, asked string) {
		if asked != "" && reading[asked] == reads && found == (Place{}) {
			found = s.place(n.Pos())
		}
	})
	return found
}

// rule is the one line of a method at which it can give the verdict; zero if it has
// none or several.
func (s *Source) rule(v reflect.Value, method, text string) Place {
	name, ok := s.verdicts[text]
	if !ok {
		return Place{}
	}
	found := map[Place]bool{}
	s.walk(v, method, func(n ast.Node, _ string) {
		r, ok := n.(*ast.ReturnStmt)
		if !ok || len(r.Results) == 0 {
			return
		}
		if id, ok := r.Results[len(r.Results)-1].(*ast.Ident); ok && id.Name == name {
			found[s.place(r.Pos())] = true
		}
	})
	for p := range found {
		if len(found) == 1 {
			return p
		}
	}
	return Place{}
}

// walk visits a method of a strategy and what it calls: its other methods, functions
// of the package, and the strategy that it puts itself in front of. For a call of
// a store, asked is the name of what was called.
func (s *Source) walk(v reflect.Value, method string, visit func(n ast.Node, asked string)) {
	of := v.Type().Elem().Name()
	d := s.methods[of][method]
	if d == nil {
		return
	}
	recv := ""
	if names := d.Recv.List[0].Names; len(names) > 0 {
		recv = names[0].Name
	}
	s.body(d, visit, func(sel *ast.SelectorExpr) string {
		switch x := sel.X.(type) {
		case *ast.Ident:
			if x.Name == recv && sel.Sel.Name != method {
				s.walk(v, sel.Sel.Name, visit)
			}
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); !ok || id.Name != recv {
				break
			}
			switch field := s.fields[of][x.Sel.Name]; {
			case stores[field]:
				return sel.Sel.Name
			case field == "Strategy":
				s.walk(v.Elem().FieldByName(x.Sel.Name).Elem(), sel.Sel.Name, visit)
			}
		}
		return ""
	})
}

// body visits what a function does, and what the functions of the package do that
// it calls.
func (s *Source) body(d *ast.FuncDecl, visit func(ast.Node, string), called func(*ast.SelectorExpr) string) {
	ast.Inspect(d.Body, func(n ast.Node) bool {
		asked := ""
		if call, ok := n.(*ast.CallExpr); ok {
			switch fun := call.Fun.(type) {
			case *ast.SelectorExpr:
				asked = called(fun)
			case *ast.Ident:
				if f := s.functions[fun.Name]; f != nil && f != d {
					s.body(f, visit, func(sel *ast.SelectorExpr) string { return askedOf(f, sel) })
				}
			}
		}
		if n != nil {
			visit(n, asked)
		}
		return true
	})
}

// askedOf is what a function asks of a store that it was handed.
func askedOf(f *ast.FuncDecl, sel *ast.SelectorExpr) string {
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, p := range f.Type.Params.List {
		for _, name := range p.Names {
			if name.Name == x.Name && stores[typeName(p.Type)] {
				return sel.Sel.Name
			}
		}
	}
	return ""
}
