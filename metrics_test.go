package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sessionlab/db/dbtest"
	"sessionlab/e2e"
)

// What requests do is counted, and told at an address of its own alone.
func TestMetrics(t *testing.T) {
	at := dbtest.FreeAddress(t)
	p := start(t, t.TempDir(), e2e.StoredOnly, "METRICS_ADDR="+at)
	ada := e2e.Visit(t, p)
	ada.SignIn("ada")
	ada.Wants("/api/session", 200)
	e2e.Visit(t, p).Wants("/api/session", 401)
	answer, err := http.Get("http://" + at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`session_step_seconds_count{kind="read",result="ok"} `, `session_step_seconds_count{kind="transaction",result="ok"} `,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(string(body), "\n"+want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	for _, secret := range []string{"SELECT", "ada@example.com"} {
		if strings.Contains(string(body), secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
	ada.Wants("/metrics", 404)
}
