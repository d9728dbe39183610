package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"sessionlab/e2e"
)

// TestOneKey: who makes a key at the same time as others takes the one that won.
func TestOneKey(t *testing.T) {
	cfg := config{Strategy: "database", Database: database(filepath.Join(t.TempDir(), "sessionlab.db"))}
	var starting sync.WaitGroup
	began := make(chan struct{})
	found := make([]string, 10)
	for i := range found {
		starting.Go(func() {
			<-began
			ring, _, err := loadKeys(cfg, fresh(i))
			if err != nil {
				t.Error(err)
				return
			}
			found[i] = ring.Newest().ID
		})
	}
	close(began)
	starting.Wait()
	if slices.Sort(found); found[0] != found[len(found)-1] {
		t.Errorf("got keys %q, want one", found)
	}
}

// TestKeyFileWithoutLinks: on a file system without links the first start keeps a key as
// well, and programs that start together take the same one.
func TestKeyFileWithoutLinks(t *testing.T) {
	name := filepath.Join(t.TempDir(), keyFile)
	noLinks := func(_, to string) error { return &os.LinkError{Op: "link", New: to, Err: syscall.EPERM} }
	if err := writeKeyFile(name, rand.Reader, noLinks); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readKeyFile(name); err != nil {
		t.Error(err)
	}
	if err := writeKeyFile(name, rand.Reader, noLinks); err != nil {
		t.Errorf("who comes second: %v", err)
	}
	if again, _ := os.ReadFile(name); string(again) != string(first) {
		t.Error("the second took the first one's key away")
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its owner alone", info.Mode(), err)
	}
	if left := e2e.Files(t, filepath.Dir(name)); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// fresh is a source of randomness, one for each n.
type fresh byte

func (n fresh) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(n) + byte(i)*7
	}
	return len(p), nil
}
