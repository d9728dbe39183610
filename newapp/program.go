package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A program is the type-checked Go code of a tree. The files of a package and its tests
// inside it are checked as one package, its tests outside it as another.
type program struct {
	fset    *token.FileSet
	files   map[string]*ast.File // by name
	pkgs    map[string]*types.Package
	info    *types.Info
	unused  []types.Error // variables and imports that are not used
	errors  []types.Error // others
	dirs    map[string][]string
	foreign types.Importer // of the packages of other modules
}

// A libraries value imports the packages of other modules from the export data of the
// build cache.
type libraries map[string]string // the file of export data of an import path

// readLibraries asks the go command, in the repository at root, for what files import.
func readLibraries(ctx context.Context, root string, files tree) (libraries, error) {
	paths := map[string]bool{}
	for name, e := range files {
		if !isCode(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, e.content, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for _, spec := range file.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); !strings.HasPrefix(p, oldModule+"/") {
				paths[p] = true
			}
		}
	}
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, slices.Sorted(maps.Keys(paths))...)
	out, err := output(ctx, root, "go", args...)
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, out)
	}
	all := libraries{}
	for line := range strings.Lines(out) {
		if name, file, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			all[name] = file
		}
	}
	return all, nil
}

func (l libraries) importer(fset *token.FileSet) types.Importer {
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		file, ok := l[path]
		if !ok || file == "" {
			return nil, errors.New("no export data")
		}
		return os.Open(file)
	})
}

const oldModule = "sessionlab"

// isCode reports whether a file is Go code of the module.
func isCode(name string) bool { return isGo(name) && !strings.HasPrefix(name, "deploy/") }

// load parses and checks the Go code of a tree. Code that does not compile is no error:
// it is what the removal of other code leaves behind.
func load(files tree, l libraries) (*program, error) {
	fset := token.NewFileSet()
	p := &program{
		fset: fset, files: map[string]*ast.File{}, pkgs: map[string]*types.Package{}, dirs: map[string][]string{}, foreign: l.importer(fset),
		info: &types.Info{
			Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{}, Types: map[ast.Expr]types.TypeAndValue{},
			Instances: map[*ast.Ident]types.Instance{},
		},
	}
	for name, e := range files {
		if !isCode(name) {
			continue
		}
		file, err := parser.ParseFile(fset, name, e.content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files[name] = file
		p.dirs[path.Dir(name)] = append(p.dirs[path.Dir(name)], name)
	}
	for dir := range p.dirs {
		slices.Sort(p.dirs[dir])
	}
	for _, dir := range slices.Sorted(maps.Keys(p.dirs)) {
		if _, err := p.Import(path.Join(oldModule, dir)); err != nil {
			return nil, err
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(p.dirs)) {
		p.check(path.Join(oldModule, dir)+"_test", p.inDir(dir, true))
	}
	return p, nil
}

// Import returns a package of ours, which it checks first, or of another module.
func (p *program) Import(name string) (*types.Package, error) {
	dir, ok := strings.CutPrefix(name, oldModule)
	if !ok || dir != "" && dir[0] != '/' {
		return p.foreign.Import(name)
	}
	if pkg := p.pkgs[name]; pkg != nil {
		return pkg, nil
	}
	files := p.inDir(path.Join(".", dir), false)
	if len(files) == 0 {
		return nil, fmt.Errorf("no package %s", name)
	}
	p.check(name, files)
	return p.pkgs[name], nil
}

// inDir returns the files of a directory that belong to its package, or those of the
// package of its tests outside.
func (p *program) inDir(dir string, outside bool) (files []*ast.File) {
	for _, name := range p.dirs[dir] {
		if file := p.files[name]; strings.HasSuffix(file.Name.Name, "_test") == outside {
			files = append(files, file)
		}
	}
	return files
}

func (p *program) check(name string, files []*ast.File) {
	if len(files) == 0 {
		return
	}
	config := types.Config{Importer: p, Error: func(err error) {
		e := err.(types.Error)
		if strings.HasSuffix(e.Msg, "and not used") || strings.HasPrefix(e.Msg, "declared and not used") {
			p.unused = append(p.unused, e)
		} else if !e.Soft || strings.HasPrefix(e.Msg, "no new variables") {
			p.errors = append(p.errors, e)
		}
	}}
	p.pkgs[name], _ = config.Check(name, p.fset, files, p.info)
}

// name returns the name of the file that pos is in.
func (p *program) name(pos token.Pos) string { return p.fset.File(pos).Name() }

// isTest reports whether a file holds tests.
func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }
