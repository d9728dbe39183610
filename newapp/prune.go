package main

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// prune removes the declarations and the fields of named types that the files of before
// used and that no file uses any more, and the imports that a file no longer needs. It
// goes by names alone: what shares its name with something in use is kept.
func prune(files, before tree) error {
	was, err := count(before)
	if err != nil {
		return err
	}
	for {
		is, err := count(files)
		if err != nil {
			return err
		}
		dead := map[string]bool{}
		for name, n := range is {
			if n == 0 && was[name] > 0 && !entryPoint.MatchString(name) {
				dead[name] = true
			}
		}
		removed := 0
		err = files.edit(isGo, func(name string, src []byte) ([]byte, error) {
			out, n, err := removeDead(name, src, dead)
			removed += n
			return out, err
		})
		if err != nil {
			return err
		}
		if removed == 0 {
			break
		}
	}
	return files.edit(isGo, func(name string, src []byte) ([]byte, error) {
		old, ok := before[name]
		if !ok || string(old.content) == string(src) {
			return src, nil
		}
		return removeImports(name, src, old.content)
	})
}

// entryPoint matches what Go runs by its name.
var entryPoint = regexp.MustCompile(`^(main|init|(Test|Benchmark|Fuzz|Example).*)$`)

// count returns how often the Go files use each identifier, besides declaring it.
func count(files tree) (map[string]int, error) {
	n := map[string]int{}
	for name, e := range files {
		if !isGo(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, e.content, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.Ident:
				n[node.Name]++
			case *ast.FuncDecl:
				n[node.Name.Name]--
				n[receiver(node)]--
			case *ast.TypeSpec:
				n[node.Name.Name]--
				if s, ok := node.Type.(*ast.StructType); ok {
					for _, field := range s.Fields.List {
						for _, name := range field.Names {
							n[name.Name]--
						}
					}
				}
			case *ast.ValueSpec:
				for _, name := range node.Names {
					n[name.Name]--
				}
			}
			return true
		})
	}
	return n, nil
}

// receiver returns the name of the type that a method is of, "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// removeDead removes the declarations of dead names from a file. It returns how many.
func removeDead(name string, src []byte, dead map[string]bool) (_ []byte, n int, _ error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, 0, err
	}
	e := newEdits(src, fset.File(file.Pos()))
	cut := func(node ast.Node, docs ...*ast.CommentGroup) {
		from, to := node.Pos(), node.End()
		for _, doc := range docs {
			if doc != nil {
				from, to = min(from, doc.Pos()), max(to, doc.End())
			}
		}
		e.cut(from, to)
		n++
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if dead[d.Name.Name] || dead[receiver(d)] {
				cut(d, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					if len(s.Names) == 1 && dead[s.Names[0].Name] {
						cut(only(d, s), docOf(d, s.Doc), s.Comment)
					}
				case *ast.TypeSpec:
					if dead[s.Name.Name] {
						cut(only(d, s), docOf(d, s.Doc), s.Comment)
					}
				}
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				if len(field.Names) == 1 && dead[field.Names[0].Name] {
					cut(field, field.Doc, field.Comment)
				}
			}
		}
		return true
	})
	if n == 0 {
		return src, 0, nil
	}
	out, err := format.Source(e.apply())
	return out, n, err
}

// only returns the whole declaration if spec is all that it declares.
func only(d *ast.GenDecl, spec ast.Spec) ast.Node {
	if len(d.Specs) == 1 {
		return d
	}
	return spec
}

// docOf returns the comment above the declaration if it declares one thing, else doc.
func docOf(d *ast.GenDecl, doc *ast.CommentGroup) *ast.CommentGroup {
	if len(d.Specs) == 1 {
		return d.Doc
	}
	return doc
}

// removeImports removes the imports that the old content of a file used and that src does
// not use.
func removeImports(name string, src, old []byte) ([]byte, error) {
	used, err := qualifiers(name, src)
	if err != nil {
		return nil, err
	}
	was, err := qualifiers(name, old)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	e := newEdits(src, fset.File(file.Pos()))
	for _, spec := range file.Imports {
		if q := qualifier(spec); was[q] && !used[q] {
			e.cut(spec.Pos(), spec.End())
		}
	}
	return format.Source(e.apply())
}

// qualifiers returns the names before a dot in a file.
func qualifiers(name string, src []byte) (map[string]bool, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if s, ok := node.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok {
				all[id.Name] = true
			}
		}
		return true
	})
	return all, nil
}

// qualifier returns the name under which a file knows an import: its own or, by custom,
// the last element of the path that is not a version.
func qualifier(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	p, _ := strconv.Unquote(spec.Path.Value)
	return strings.TrimPrefix(path.Base(majorVersion.ReplaceAllString(p, "")), "go-")
}
