package lab

import (
	"go/scanner"
	"go/token"
	"strings"

	"sessionlab/auth"
)

// A Piece is a piece of a line of code. Class is "comment", "keyword", "text" for a
// string, "number", or empty.
type Piece struct{ Class, Text string }

// Lines returns the lines of a strategy's file for people to read, or nil if there is no
// such file.
func Lines(file string) [][]Piece {
	src, err := auth.Source.ReadFile(file)
	if err != nil {
		return nil
	}
	return Highlight(file, src)
}

// Highlight takes the lines of a Go file apart.
func Highlight(file string, src []byte) [][]Piece {
	var scan scanner.Scanner
	f := token.NewFileSet().AddFile(file, -1, len(src))
	scan.Init(f, src, nil, scanner.ScanComments)
	lines, at := [][]Piece{nil}, 0
	add := func(class, text string) {
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				lines = append(lines, nil)
			}
			if last := &lines[len(lines)-1]; part != "" {
				if n := len(*last); n > 0 && (*last)[n-1].Class == class {
					(*last)[n-1].Text += part
				} else {
					*last = append(*last, Piece{class, part})
				}
			}
		}
	}
	for {
		pos, tok, literal := scan.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // put there by the scanner
		}
		begin := f.Offset(pos)
		add("", string(src[at:begin]))
		if literal == "" {
			literal = tok.String()
		}
		class := ""
		switch {
		case tok == token.COMMENT:
			class = "comment"
		case tok.IsKeyword():
			class = "keyword"
		case tok == token.STRING || tok == token.CHAR:
			class = "text"
		case tok.IsLiteral() && tok != token.IDENT:
			class = "number"
		}
		add(class, literal)
		at = begin + len(literal)
	}
	add("", strings.TrimSuffix(string(src[at:]), "\n"))
	return lines
}
