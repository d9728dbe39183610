package main

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// prose removes, from pages of docs and from the example of the settings, the sentences,
// rows and paragraphs about what the application does not have.
type prose struct {
	files    tree
	settings *settings
	absent   []*regexp.Regexp  // words that a sentence must not contain
	tests    map[string]string // the code of the tests of each package
}

func (o options) newProse(files tree, gone *settings) *prose {
	p := &prose{files: files, settings: gone, tests: map[string]string{}}
	for name, store := range map[string]string{"redis": `\bRedis\b`, "postgres": `\bPostgres\b|\bpg_dump\b`, "sqlite": `\bSQLite\b`} {
		if !slices.Contains(o.stores, name) {
			p.absent = append(p.absent, regexp.MustCompile(store))
		}
	}
	for _, name := range strategies() {
		if name != o.strategy {
			p.absent = append(p.absent, regexp.MustCompile("`(SESSION_STRATEGY=)?"+name+"`|SESSION_STRATEGY="+name+`\b`))
		}
	}
	for _, name := range gone.gone {
		p.absent = append(p.absent, regexp.MustCompile(`\b`+name+`\b`))
	}
	p.absent = append(p.absent, regexp.MustCompile("(?i)compare mode|`compare`"))
	for name, e := range files {
		if isTest(name) {
			p.tests[path.Dir(name)] += string(e.content)
		}
	}
	return p
}

// page returns a page of Markdown without what is absent.
func (p *prose) page(name, text string) string {
	var out []string
	for _, block := range strings.Split(text, "\n\n") {
		switch {
		case strings.HasPrefix(block, "|"):
			block = p.table(name, block)
		case strings.HasPrefix(block, "#"), strings.HasPrefix(block, "    "), strings.HasPrefix(block, "```"), strings.HasPrefix(block, "\t"):
			if p.isAbsent(name, block) {
				block = ""
			}
		default:
			block = p.items(name, block)
		}
		if strings.TrimSpace(block) != "" {
			out = append(out, block)
		}
	}
	return strings.TrimRight(strings.Join(withoutEmptySections(out), "\n\n"), "\n") + "\n"
}

// withoutEmptySections removes headings that nothing follows but a heading.
func withoutEmptySections(blocks []string) (out []string) {
	for i, block := range blocks {
		if strings.HasPrefix(block, "## ") && (i+1 == len(blocks) || strings.HasPrefix(blocks[i+1], "## ")) {
			continue
		}
		out = append(out, block)
	}
	return out
}

// table removes rows whose first cell is about what is absent, and what other cells say
// about it.
func (p *prose) table(name, block string) string {
	var out []string
	for _, row := range strings.Split(block, "\n") {
		if strings.HasPrefix(row, "|---") || len(out) == 0 {
			out = append(out, row)
			continue
		}
		cells := strings.Split(strings.Trim(row, "|"), "|")
		kept := !p.isAbsent(name, cells[0])
		for i, cell := range cells {
			was := strings.TrimSpace(cell)
			is := p.sentences(name, p.existing(was))
			if was != "" && is == "" {
				kept = false
			}
			cells[i] = " " + is + " "
			if is == "" {
				cells[i] = " "
			}
		}
		if kept {
			out = append(out, "|"+strings.Join(cells, "|")+"|")
		}
	}
	if len(out) < 3 {
		return ""
	}
	return strings.Join(out, "\n")
}

// item matches the start of an item of a list.
var item = regexp.MustCompile(`^(?:- |\d+\. )`)

// items handles the paragraphs and the items of a list in a block, and numbers them again.
func (p *prose) items(name, block string) string {
	var parts []string
	for _, line := range strings.Split(block, "\n") {
		if item.MatchString(line) || len(parts) == 0 {
			parts = append(parts, line)
		} else {
			parts[len(parts)-1] += "\n" + line
		}
	}
	var out []string
	for _, part := range parts {
		bullet := item.FindString(part)
		body := strings.Join(strings.Fields(strings.TrimPrefix(part, bullet)), " ")
		left := p.sentences(name, body)
		switch {
		case left == "":
		case left == body:
			out = append(out, part)
		default:
			out = append(out, wrap(bullet, strings.Repeat(" ", len(bullet)), left, 120))
		}
	}
	return renumber(out)
}

var number = regexp.MustCompile(`^\d+\. `)

func renumber(items []string) string {
	n := 0
	for i, text := range items {
		if number.MatchString(text) {
			n++
			items[i] = number.ReplaceAllString(text, string(rune('0'+n))+". ")
		}
	}
	return strings.Join(items, "\n")
}

// sentence matches the end of a sentence.
var sentence = regexp.MustCompile(`([.:?!])\s+([A-Z\x60\[*(])`)

// sentences returns text without the sentences about what is absent.
func (p *prose) sentences(name, text string) string {
	var out []string
	for _, s := range strings.Split(sentence.ReplaceAllString(text, "$1\x00$2"), "\x00") {
		if !p.isAbsent(name, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

var (
	link   = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	quoted = regexp.MustCompile("`([^`]+)`")
	aTest  = regexp.MustCompile(`^(Test|Fuzz|Example|Benchmark)[A-Z]\w*`)
)

// isAbsent reports whether text names what the application does not have: a word, a file
// that it links to, or a test.
func (p *prose) isAbsent(name, text string) bool {
	for _, word := range p.absent {
		if word.MatchString(text) {
			return true
		}
	}
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		if target := path.Join(path.Dir(name), match[1]); !strings.Contains(match[1], "://") && !p.files.has(target) {
			return true
		}
	}
	dir := "."
	for _, match := range quoted.FindAllStringSubmatch(text, -1) {
		if p.files.hasFolder(match[1]) {
			dir = match[1]
		} else if aTest.MatchString(match[1]) && !p.hasTest(dir, match[1]) {
			return true
		}
	}
	return false
}

func (p *prose) hasTest(dir, name string) bool {
	name, part, _ := strings.Cut(name, "/")
	return strings.Contains(p.tests[dir], "func "+name+"(") && strings.Contains(p.tests[dir], `"`+part)
}

// existing removes, from a list of tests such as "`db` `TestA`, `TestB`", those that do not
// exist.
func (p *prose) existing(cell string) string {
	var out []string
	dir, said := ".", "."
	list := strings.Split(cell, ", ")
	for _, part := range list {
		names := quoted.FindAllStringSubmatch(part, -1)
		if len(names) == 0 || !aTest.MatchString(names[len(names)-1][1]) || quoted.ReplaceAllString(part, "") != strings.Repeat(" ", len(names)-1) {
			return cell // no list of tests
		}
		if len(names) == 2 {
			dir = names[0][1]
		}
		test := names[len(names)-1][1]
		if !p.hasTest(dir, test) {
			continue
		}
		text := "`" + test + "`"
		if dir != said {
			text, said = "`"+dir+"` "+text, dir
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// has reports whether there is a file or folder of that name.
func (t tree) has(name string) bool {
	_, ok := t[name]
	return ok || t.hasFolder(name)
}

// example returns .env.example without the variables that are gone.
func (p *prose) example(text string) string {
	var out []string
	for _, block := range strings.Split(text, "\n\n") {
		var comment, settings []string
		some := false
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			if words, ok := strings.CutPrefix(line, "# "); ok {
				comment = append(comment, words)
				continue
			}
			some = true
			if name, _, _ := strings.Cut(line, "="); !slices.Contains(p.settings.gone, name) {
				settings = append(settings, line)
			}
		}
		if some && len(settings) == 0 {
			continue
		}
		was := strings.Join(comment, " ")
		if is := p.sentences(".env.example", was); is != was {
			comment = strings.Split(wrap("", "", is, 88), "\n")
		}
		var lines []string
		for _, words := range comment {
			lines = append(lines, "# "+words)
		}
		out = append(out, strings.Join(append(lines, settings...), "\n"))
	}
	return strings.Join(out, "\n\n") + "\n"
}

// wrap breaks text into lines of at most width bytes, the first after first and the others
// after indent.
func wrap(first, indent, text string, width int) string {
	var out strings.Builder
	line := first
	for _, word := range strings.Fields(text) {
		switch {
		case strings.TrimSpace(line) == strings.TrimSpace(first) || strings.TrimSpace(line) == "":
			line += word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			out.WriteString(line + "\n")
			line = indent + word
		}
	}
	return out.String() + line
}
