package e2e

import (
	"encoding/json"
	"testing"
)

// The tests of compare mode, which go when the lab goes.

// TestCompare: without any setting one sign-in gives a session under every
// strategy, and what is copied survives a sign-out under one and not the other.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	if got, want := p.Says("strategy"), "compare: every strategy at once"; got != want {
		t.Errorf("strategy: got %q, want %q", got, want)
	}
	v := Visit(t, p)
	v.SignIn("ada")
	thief := v.thief()
	v.Wants("/api/session?strategy=cookie", 200, `"reads":0`)
	v.Wants("/api/session?strategy=database", 200, `"reads":1`)

	// Two programs on one file are one story: a restart forgets nobody.
	p.Stop()
	p = start(t, dir)
	v, thief = v.At(p), thief.At(p)
	v.Wants("/dashboard", 200, "Ada Lovelace", "Look inside")

	v.Post("/sign-out")
	thief.Wants("/api/session?strategy=cookie", 200, "Ada Lovelace")
	thief.Wants("/api/session?strategy=database", 401, `"code":"revoked"`)
}

// TestCompareInThreeClicks does the same on the lab's page.
func TestCompareInThreeClicks(t *testing.T) {
	v := Visit(t, start(t, t.TempDir()))
	v.SignIn("ada")
	v.Get("/compare")
	v.Post("/compare/steal")
	v.Post("/compare/sign-out")
	var state struct {
		Clients map[string]map[string]struct{ Verdict, Reason string }
	}
	if err := json.Unmarshal([]byte(v.Get("/compare/state").Body), &state); err != nil {
		t.Fatal(err)
	}
	for client, want := range map[string][2]string{"you": {"refused", "refused"}, "thief": {"signed_in", "refused"}} {
		got := [2]string{state.Clients[client]["cookie"].Verdict, state.Clients[client]["database"].Verdict}
		if got != want {
			t.Errorf("%s under cookie and database: got %v, want %v", client, got, want)
		}
	}
}
