package main

import (
	"bytes"
	"cmp"
	"go/token"
	"slices"
	"strings"
)

// edits collects replacements in a file, of ranges that may lie within one another: the
// outer one counts.
type edits struct {
	src  []byte
	file *token.File
	list []edit
}

type edit struct {
	from, to int // offsets
	text     string
}

func newEdits(src []byte, file *token.File) *edits { return &edits{src: src, file: file} }

func (e *edits) replace(from, to token.Pos, text string) {
	e.list = append(e.list, edit{e.file.Offset(from), e.file.Offset(to), text})
}

func (e *edits) cut(from, to token.Pos) {
	if from < to {
		e.replace(from, to, "")
	}
}

func (e *edits) line(pos token.Pos) int { return e.file.Line(pos) }

// text returns the rest of the file from pos on.
func (e *edits) text(pos token.Pos) string { return string(e.src[e.file.Offset(pos):]) }

// afterComma returns the position behind the comma that follows pos, or pos.
func (e *edits) afterComma(pos token.Pos) token.Pos {
	if rest := e.src[e.file.Offset(pos):]; len(rest) > 0 && rest[0] == ',' {
		return pos + 1
	}
	return pos
}

func (e *edits) between(from, to token.Pos) string {
	return string(e.src[e.file.Offset(from):e.file.Offset(to)])
}

// startsLine reports whether only white space is before pos on its line.
func (e *edits) startsLine(pos token.Pos) bool {
	start := e.file.Offset(e.file.LineStart(e.line(pos)))
	return len(bytes.TrimSpace(e.src[start:e.file.Offset(pos)])) == 0
}

// apply returns the file with all replacements made.
func (e *edits) apply() []byte {
	slices.SortStableFunc(e.list, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	var out bytes.Buffer
	at := 0
	for _, edit := range e.list {
		if edit.to <= at {
			continue
		}
		out.Write(e.src[min(at, max(edit.from, at)):max(edit.from, at)])
		out.WriteString(cmp.Or(edit.text, gap))
		at = edit.to
	}
	out.Write(e.src[at:])
	return withoutGaps(out.Bytes())
}

// gap marks a place from which something was cut.
const gap = "\x01"

// withoutGaps removes the marks, the lines on which nothing else is left, and an empty line
// after such a line at the start of a block or after another empty line.
func withoutGaps(src []byte) []byte {
	var out []string
	for lines := strings.Split(string(src), "\n"); len(lines) > 0; lines = lines[1:] {
		line := strings.ReplaceAll(lines[0], gap, "")
		if line == lines[0] || strings.TrimSpace(line) != "" {
			out = append(out, line)
			continue
		}
		before := strings.TrimSpace(strings.Join(out[max(0, len(out)-1):], ""))
		if opens := before == "" || strings.HasSuffix(before, "{") || strings.HasSuffix(before, "("); opens && len(lines) > 1 && strings.TrimSpace(lines[1]) == "" {
			lines = lines[1:]
		}
	}
	return []byte(strings.Join(out, "\n"))
}
