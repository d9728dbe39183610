package main

import (
	"testing"
	"time"

	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// TestSignOutUnderALock: in compare mode a sign-out writes under every strategy. While
// somebody else holds the lock they wait together, not one after the other.
func TestSignOutUnderALock(t *testing.T) {
	if testing.Short() {
		t.Skip("waits as long as a visitor would")
	}
	file := t.TempDir() + "/s.db"
	p, _ := runWith(t, time.Now, "DATABASE_URL="+file)
	ada := e2e.Visit(t, p)
	ada.SignIn("ada")
	other := dbtest.Shell(t, file)
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ada.Client.Timeout = dbtest.Patience // less than seven waits of 5 s, one after the other
	if got := ada.Post("/sign-out"); got.Status != 503 {
		t.Errorf("got %d, want 503", got.Status)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}
