package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A tree holds the files of a project by their slash-separated names.
type tree map[string]entry

type entry struct {
	content []byte
	mode    fs.FileMode
}

// readTree reads the files of the repository at root that git tracks.
func readTree(ctx context.Context, root string) (tree, error) {
	names, err := output(ctx, root, "git", "ls-files", "-z")
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	files := tree{}
	for _, name := range strings.Split(strings.TrimSuffix(names, "\x00"), "\x00") {
		file := filepath.Join(root, filepath.FromSlash(name))
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		files[name] = entry{content, info.Mode().Perm()}
	}
	return files, nil
}

// hasFolder reports whether there is a folder of that name beside go.mod.
func (t tree) hasFolder(name string) bool {
	for file := range t {
		if strings.HasPrefix(file, name+"/") {
			return true
		}
	}
	return false
}

// write writes the files into a folder.
func (t tree) write(dir string) error {
	for name, e := range t {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, e.content, e.mode); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the files for whose name drop holds.
func (t tree) remove(drop func(name string) bool) {
	for name := range t {
		if drop(name) {
			delete(t, name)
		}
	}
}

// edit replaces the content of each file if which(name) is true.
func (t tree) edit(which func(name string) bool, change func(name string, content []byte) ([]byte, error)) error {
	for name, e := range t {
		if !which(name) {
			continue
		}
		changed, err := change(name, e.content)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		e.content = changed
		t[name] = e
	}
	return nil
}

func isGo(name string) bool { return path.Ext(name) == ".go" }

// goLines counts the lines of Go, without tests, their helpers and generated code.
func (t tree) goLines() (n int) {
	for name, e := range t {
		if isCode(name) && !isTestCode(name) && !strings.HasSuffix(name, "_templ.go") {
			n += bytes.Count(e.content, []byte("\n"))
		}
	}
	return n
}
