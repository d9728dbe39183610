package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadme: the README is short, and leads to what exists.
func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	checkLinks(t, "README.md")
	words := regexp.MustCompile(`(?m)^(\||    ).*$`).ReplaceAll(content, nil) // without tables and commands
	if n := len(strings.Fields(string(words))); n > 700 {
		t.Errorf("%d words, want 700 at most", n)
	}
}
