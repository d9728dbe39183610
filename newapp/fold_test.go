package main

import (
	"go/format"
	"testing"
)

func TestFold(t *testing.T) {
	for before, after := range map[string]string{
		"if s.Strategy == compare {\n\ta()\n}\nb()":                                           "b()",
		"if s.Strategy != compare { // compare mode reads\n\ta()\n}\nb()":                     "a()\nb()",
		"// why\nif s.Strategy == \"compare\" {\n\ta()\n} else {\n\tb()\n}":                   "b()",
		"x := s.db != nil && s.Strategy != compare\n_ = x":                                    "x := s.db != nil\n_ = x",
		"x := s.Strategy == compare || a() || b()\n_ = x":                                     "x := a() || b()\n_ = x",
		"if site.Extension == nil {\n\treturn\n}\nb()":                                        "return",
		"switch {\ncase bool(c.LabPublic) && a():\n\tb()\ncase c():\n\td()\n}":                "switch {\ncase c():\n\td()\n}",
		"x := []string{\"/a\", \"/compare/state\", \"/b\"}\n_ = x":                            "x := []string{\"/a\", \"/b\"}\n_ = x",
		"x := [][]string{\n\t{\"LAB_PUBLIC=1\", \"no\"},\n\t{\"A=1\", \"no\"},\n}\n_ = x":     "x := [][]string{\n\t{\"A=1\", \"no\"},\n}\n_ = x",
		"ada.Get(\"/compare\").Press(\"#x\")\nb()":                                            "b()",
		"for _, x := range list {\n\tif x.Strategy == compare {\n\t\tcontinue\n\t}\n\ta()\n}": "for _, x := range list {\n\ta()\n}",
		"if s.Strategy == other {\n\ta()\n}":                                                  "if s.Strategy == other {\n\ta()\n}",
	} {
		out, err := fold("x.go", []byte("package x\n\nfunc f() {\n"+before+"\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := format.Source(out)
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		want, err := format.Source([]byte("package x\n\nfunc f() {\n" + after + "\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s\ngot\n%s\nwant\n%s", before, got, want)
		}
	}
}
