package auth_test

import (
	"fmt"
	"testing"
	"time"

	"sessionlab/auth"
)

func TestLimiter(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &auth.Limiter{Burst: 10, Every: 6 * time.Second, Now: func() time.Time { return now }}
	take := func(key string, want time.Duration) {
		t.Helper()
		if got := l.Take(key); got != want {
			t.Errorf("at %s: got a wait of %s, want %s", now.Format(time.TimeOnly), got, want)
		}
	}
	for range 10 {
		take("a", 0)
	}
	take("a", 6*time.Second)
	take("a", 6*time.Second) // a refusal costs nothing
	take("b", 0)
	now = now.Add(6*time.Second - 1)
	take("a", 1)
	now = now.Add(1)
	take("a", 0)
	take("a", 6*time.Second)
	now = now.Add(time.Hour)
	for range 10 {
		take("a", 0)
	}
	take("a", 6*time.Second)
	now = now.Add(-24 * time.Hour) // a clock that is set back locks nobody out
	take("a", 6*time.Second)
}

func TestLimiterStaysSmall(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &auth.Limiter{Burst: 1, Every: time.Minute, Now: func() time.Time { return now }}
	for i := range 100_000 {
		l.Take(fmt.Sprint(i))
	}
	if l.Take("99999") == 0 || l.Take("95000") == 0 {
		t.Error("who came last is forgotten")
	}
	if l.Take("0") != 0 {
		t.Error("who came first among 100,000 is remembered")
	}
}

func TestPatience(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	p := &auth.Patience{Free: 3, Most: 5 * time.Second, Forget: 15 * time.Minute, Now: func() time.Time { return now }}
	try := func(address string, want time.Duration) {
		t.Helper()
		if got := p.Try("ada", address); got != want {
			t.Errorf("from %s: got a wait of %s, want %s", address, got, want)
		}
	}
	for i := range 3 { // wherever from
		try(fmt.Sprint("stranger ", i), 0)
	}
	for _, wait := range []time.Duration{1, 2, 4, 5, 5} {
		try("stranger", wait*time.Second)
		try("another", wait*time.Second) // too early counts for nothing
		now = now.Add(wait * time.Second)
		try("stranger", 0)
	}
	if p.Try("grace", "stranger") != 0 {
		t.Error("one account's delay holds for another")
	}
	// Once the owner was right, strangers are theirs no more.
	now = now.Add(5 * time.Second)
	try("home", 0)
	p.Right("ada", "home")
	for range 3 {
		try("stranger", 0)
	}
	try("stranger", time.Second)
	try("home", 0)
	p.Right("ada", "home")
	try("home", 0)
	now = now.Add(15 * time.Minute)
	for range 3 {
		try("stranger", 0)
	}
}
