package lab

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"

	"sessionlab/auth"
)

// A Source tells where in the code of the strategies a step of a receipt was taken.
// The places are read from the code itself, so they are never out of date.
type Source struct {
	methods map[string]map[string]Place // by type and name
	types   map[string]string           // the type that implements a strategy, by its name
}

// A Place is a function in a file, from its first line to its last; lines count from 1.
type Place struct {
	File        string
	First, Last int
}

// ReadSource reads the code that was compiled in.
func ReadSource() (*Source, error) {
	s := &Source{methods: map[string]map[string]Place{}, types: map[string]string{}}
	names, err := fs.Glob(auth.Source, "*.go")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := s.read(name); err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
	}
	seal := func(string) auth.Sealer { return nil }
	parts := auth.Parts{Sealer: seal, Stored: seal, Users: users{}, Sessions: sessions{}, Refresh: refresh{}}
	for _, kind := range auth.Kinds() {
		strategy, err := kind.New(parts)
		if err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
		s.types[kind.Name] = reflect.TypeOf(strategy).Elem().Name()
	}
	return s, nil
}

// read notes the methods that a file declares.
func (s *Source) read(name string) error {
	text, err := auth.Source.ReadFile(name)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range f.Decls {
		d, ok := d.(*ast.FuncDecl)
		if !ok || d.Recv == nil {
			continue
		}
		of := d.Recv.List[0].Type
		if pointer, ok := of.(*ast.StarExpr); ok {
			of = pointer.X
		}
		id, ok := of.(*ast.Ident)
		if !ok {
			continue // a generic type, which no strategy is
		}
		if s.methods[id.Name] == nil {
			s.methods[id.Name] = map[string]Place{}
		}
		s.methods[id.Name][d.Name.Name] = Place{name, fset.Position(d.Pos()).Line, fset.Position(d.End()).Line}
	}
	return nil
}

// File returns the name of the file that holds a strategy; empty if there is none.
func (s *Source) File(strategy string) string {
	return s.methods[s.types[strategy]]["Issue"].File
}

// Methods returns a strategy's methods with their places, in the order of their names
// in [auth.Strategy] and its optional companions.
func (s *Source) Methods(strategy string) (names []string, places []Place) {
	for _, name := range []string{"Issue", "Authenticate", "Renew", "End", "Revoke", "Window", "Sessions", "Confirm", "AccessTTL"} {
		if p, ok := s.methods[s.types[strategy]][name]; ok {
			names, places = append(names, name), append(places, p)
		}
	}
	return names, places
}

// Place returns the method that took a step: "hybrid renew" is Renew of Hybrid. It is
// zero for a step of the storage.
func (s *Source) Place(step auth.Step) Place {
	switch step.Kind {
	case "strategy":
		name, verb, _ := strings.Cut(step.Name, " ")
		if verb != "" {
			return s.methods[s.types[name]][strings.ToUpper(verb[:1])+verb[1:]]
		}
	case "seal":
		return s.methods["sealer"]["Seal"]
	case "open seal":
		return s.methods["sealer"]["Open"]
	}
	return Place{}
}
