package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// fold rewrites a Go file for a program in which compare mode does not exist: conditions
// that ask for it become constants, and the code behind a constant condition is unwrapped
// or removed. What it returns has to be formatted.
func fold(name string, src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &folder{edits: newEdits(src, fset.File(file.Pos())), comments: file.Comments}
	ast.Inspect(file, f.visit)
	return f.edits.apply(), nil
}

type folder struct {
	edits    *edits
	comments []*ast.CommentGroup
	fact     func(ast.Expr) truth // what else is known of an expression; may be nil
	refuses  map[string]bool      // middleware that refuses every request
}

// A truth is what is known of a condition.
type truth int

const (
	unknown truth = iota
	isTrue
	isFalse
)

func (t truth) not() truth {
	switch t {
	case isTrue:
		return isFalse
	case isFalse:
		return isTrue
	}
	return unknown
}

// known returns what is known of x.
func (f *folder) known(x ast.Expr) truth {
	if f.fact != nil {
		if t := f.fact(x); t != unknown {
			return t
		}
	}
	switch x := x.(type) {
	case *ast.ParenExpr:
		return f.known(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return f.known(x.X).not()
		}
	case *ast.SelectorExpr:
		if x.Sel.Name == "LabPublic" {
			return isFalse
		}
	case *ast.CallExpr: // a conversion
		if name, ok := x.Fun.(*ast.Ident); ok && name.Name == "bool" && len(x.Args) == 1 {
			return f.known(x.Args[0])
		}
	case *ast.BinaryExpr:
		return f.knownOfTwo(x)
	}
	return unknown
}

func (f *folder) knownOfTwo(x *ast.BinaryExpr) truth {
	a, b := f.known(x.X), f.known(x.Y)
	switch x.Op {
	case token.LAND:
		if a == isFalse || b == isFalse {
			return isFalse
		}
		if a == isTrue && b == isTrue {
			return isTrue
		}
	case token.LOR:
		if a == isTrue || b == isTrue {
			return isTrue
		}
		if a == isFalse && b == isFalse {
			return isFalse
		}
	case token.EQL:
		if isName(x.Y, "nil") && (isName(x.X, "CompareMode") || isExtension(x.X)) {
			return isTrue
		}
		if isCompare(x.X) || isCompare(x.Y) {
			return isFalse
		}
		if a != unknown && b != unknown {
			return truthOf(a == b)
		}
	case token.NEQ:
		equal := *x
		equal.Op = token.EQL
		return f.knownOfTwo(&equal).not()
	}
	return unknown
}

// isExtension reports whether x is the extension of a site that is tested.
func isExtension(x ast.Expr) bool {
	s, ok := x.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Extension" && isName(s.X, "site")
}

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func isName(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// isCompare reports whether x is the name of compare mode, or the path of a page of it.
func isCompare(x ast.Expr) bool {
	text := textOf(x)
	return isName(x, "compare") || text == "compare" || strings.HasPrefix(text, "/compare") || strings.HasPrefix(text, "/strategy")
}

// textOf returns the text of a string literal, "" of anything else.
func textOf(x ast.Node) string {
	lit, ok := x.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(lit.Value)
	return text
}

// isRow reports whether x is an element of a list that is about compare mode: its name, a
// path or a package of it, or a row of literals about its settings.
func isRow(x ast.Expr) bool {
	if kv, ok := x.(*ast.KeyValueExpr); ok {
		return isCompare(kv.Key) || textOf(kv.Key) == "LAB_PUBLIC" || isLab(textOf(kv.Key)) || textOf(kv.Key) == "newapp"
	}
	if isCompare(x) || textOf(x) == "LAB_PUBLIC" || isLab(textOf(x)) {
		return true
	}
	row, found := true, false
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			row = false
		case *ast.CompositeLit:
			row = row && (n == x || n.Type != nil)
		case *ast.BasicLit:
			found = found || strings.Contains(textOf(n), "LAB_PUBLIC") || strings.Contains(textOf(n), "want a single strategy")
		}
		return true
	})
	return row && found
}

// visit rewrites n, and reports whether what is inside it should be visited.
func (f *folder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		f.statements(n.List, n.Rbrace)
	case *ast.FuncLit:
		f.lastReturn(n.Body)
	case *ast.FuncDecl:
		f.lastReturn(n.Body)
	case *ast.CaseClause:
		f.statements(n.Body, n.End())
		f.elements(n.List)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			f.cases(n)
		}
	case *ast.CompositeLit:
		f.elements(n.Elts)
		f.zeros(n)
	case *ast.BinaryExpr:
		f.operands(n)
	case *ast.AssignStmt:
		f.values(n.Rhs)
	case *ast.ReturnStmt:
		f.values(n.Results)
	case *ast.CallExpr:
		f.values(n.Args)
	}
	return true
}

// statements rewrites the if statements of a block whose conditions are known. What
// follows one that always returns is removed.
func (f *folder) statements(list []ast.Stmt, end token.Pos) {
	for i, s := range list {
		if x, ok := s.(*ast.ExprStmt); ok && (usesPath(x) || f.isRefused(x)) {
			f.edits.cut(x.Pos(), f.lineEnd(x.End()))
			continue
		}
		if x, ok := s.(*ast.SwitchStmt); ok && x.Tag == nil && x.Init == nil {
			if c := f.onlyCase(x); c != nil {
				f.edits.cut(x.Pos(), f.lineEnd(c.Colon+1))
				f.edits.replace(f.lineEnd(c.End()), x.End(), "\n")
				if n := len(c.Body); n > 0 && leaves(c.Body[n-1]) {
					f.edits.cut(x.End(), end)
					return
				}
			}
			continue
		}
		s, ok := s.(*ast.IfStmt)
		if !ok || s.Init != nil && !isAssertion(s.Init) || f.known(s.Cond) == unknown {
			continue
		}
		var kept *ast.BlockStmt
		if f.known(s.Cond) == isTrue {
			kept = s.Body
		} else if kept, ok = s.Else.(*ast.BlockStmt); s.Else != nil && !ok {
			continue // an else if: none is about compare mode
		}
		f.edits.cut(f.withComments(s.Pos()), s.Pos())
		if kept == nil {
			f.edits.cut(s.Pos(), f.lineEnd(s.End()))
			continue
		}
		f.edits.cut(s.Pos(), f.lineEnd(kept.Lbrace+1))
		f.edits.cut(kept.Rbrace, s.End())
		if n := len(kept.List); n > 0 && i+1 < len(list) {
			if leaves(kept.List[n-1]) {
				f.edits.cut(s.End(), end)
				return
			}
		}
	}
}

// leaves reports whether what follows a statement is never reached.
func leaves(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// isAssertion reports whether a statement asserts a type and does nothing else.
func isAssertion(s ast.Stmt) bool {
	a, ok := s.(*ast.AssignStmt)
	if !ok || len(a.Rhs) != 1 {
		return false
	}
	_, ok = a.Rhs[0].(*ast.TypeAssertExpr)
	return ok
}

// isRefused reports whether a statement adds a route to which every request is refused.
func (f *folder) isRefused(s *ast.ExprStmt) bool {
	call, ok := s.X.(*ast.CallExpr)
	return ok && slices.ContainsFunc(call.Args, func(x ast.Expr) bool {
		m, ok := x.(*ast.SelectorExpr)
		return ok && f.refuses[m.Sel.Name]
	})
}

// usesPath reports whether a statement does something with a page of compare mode.
func usesPath(s *ast.ExprStmt) (uses bool) {
	ast.Inspect(s, func(n ast.Node) bool {
		_, nested := n.(*ast.FuncLit)
		uses = uses || strings.HasPrefix(textOf(n), "/compare")
		return !nested
	})
	return uses
}

// elements removes from a list what is about compare mode.
func (f *folder) elements(list []ast.Expr) {
	for i, x := range list {
		if !isRow(x) {
			continue
		}
		end := x.End()
		if i+1 < len(list) {
			end = list[i+1].Pos()
		} else {
			end = f.edits.afterComma(end)
		}
		f.edits.cut(x.Pos(), end)
	}
}

// zeros removes the elements of a struct that set a field to what is known to be false.
func (f *folder) zeros(lit *ast.CompositeLit) {
	for i, x := range lit.Elts {
		kv, ok := x.(*ast.KeyValueExpr)
		if !ok || f.fact == nil || f.known(kv.Value) != isFalse || textOf(kv.Key) != "" {
			continue
		}
		end := f.edits.afterComma(x.End())
		if i+1 < len(lit.Elts) && f.edits.line(lit.Elts[i+1].Pos()) == f.edits.line(x.End()) {
			end = lit.Elts[i+1].Pos()
		}
		f.edits.cut(x.Pos(), end)
	}
}

// values replaces expressions by the constants that they are known to be.
func (f *folder) values(list []ast.Expr) {
	if f.fact == nil {
		return
	}
	for _, x := range list {
		if t := f.known(x); t != unknown && !isName(x, "true") && !isName(x, "false") {
			f.edits.replace(x.Pos(), x.End(), strconv.FormatBool(t == isTrue))
		}
	}
}

// operands removes an operand of && or || that makes no difference.
func (f *folder) operands(x *ast.BinaryExpr) {
	if x.Op != token.LAND && x.Op != token.LOR || f.known(x) != unknown {
		return
	}
	neutral := truthOf(x.Op == token.LAND)
	switch {
	case f.known(x.X) == neutral:
		f.edits.cut(x.X.Pos(), x.Y.Pos())
		f.cutTrailing(x.End())
	case f.known(x.Y) == neutral:
		f.edits.cut(x.X.End(), x.Y.End())
		f.cutTrailing(x.End())
	}
}

// withComments returns the start of the comment that ends on the line before pos, or pos.
func (f *folder) withComments(pos token.Pos) token.Pos {
	for _, c := range f.comments {
		if f.edits.line(c.End()) == f.edits.line(pos)-1 && f.edits.startsLine(c.Pos()) {
			return c.Pos()
		}
	}
	return pos
}

// cutTrailing removes the comment at the end of the line of pos if it explains compare mode.
func (f *folder) cutTrailing(pos token.Pos) {
	for _, c := range f.comments {
		if f.edits.line(c.Pos()) == f.edits.line(pos) && strings.Contains(strings.ToLower(c.Text()), "compare mode") {
			f.edits.cut(c.Pos(), c.End())
		}
	}
}

// lineEnd returns the end of the comment that follows pos on its line, or pos.
func (f *folder) lineEnd(pos token.Pos) token.Pos {
	for _, c := range f.comments {
		if c.Pos() >= pos && f.edits.line(c.Pos()) == f.edits.line(pos) {
			return c.End()
		}
	}
	return pos
}
