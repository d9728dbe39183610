package main

import "go/ast"

// cases removes the cases of a switch without a tag that never apply. One that always
// applies becomes the default.
func (f *folder) cases(s *ast.SwitchStmt) {
	always := false // an earlier case applies whenever this one is reached
	for _, c := range s.Body.List {
		c := c.(*ast.CaseClause)
		if always {
			f.edits.cut(c.Pos(), f.lineEnd(c.End()))
			continue
		}
		if len(c.List) != 1 {
			continue
		}
		switch f.known(c.List[0]) {
		case isFalse:
			f.edits.cut(c.Pos(), f.lineEnd(c.End()))
		case isTrue:
			f.edits.replace(c.Pos(), c.Colon, "default")
			always = true
		}
	}
}

// lastReturn removes a return without results at the end of a function.
func (f *folder) lastReturn(body *ast.BlockStmt) {
	if f.fact == nil || body == nil || len(body.List) == 0 {
		return
	}
	if r, ok := body.List[len(body.List)-1].(*ast.ReturnStmt); ok && len(r.Results) == 0 {
		f.edits.cut(r.Pos(), f.lineEnd(r.End()))
	}
}

// onlyCase returns the case of a switch without a tag that always applies, if all before it
// never do.
func (f *folder) onlyCase(s *ast.SwitchStmt) *ast.CaseClause {
	for _, c := range s.Body.List {
		c := c.(*ast.CaseClause)
		if c.List == nil { // default, if nothing follows
			if c == s.Body.List[len(s.Body.List)-1] {
				return c
			}
			return nil
		}
		if len(c.List) != 1 || f.known(c.List[0]) == unknown {
			return nil
		}
		if f.known(c.List[0]) == isTrue {
			return c
		}
	}
	return nil
}
