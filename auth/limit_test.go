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
		for range 2 { // asking costs nothing
			if l.Wait("a") != 0 {
				t.Error("there is nothing left")
			}
		}
		take("a", 0)
	}
	take("a", 6*time.Second)
	take("a", 6*time.Second) // a refusal costs nothing
	if got := l.Wait("a"); got != 6*time.Second {
		t.Errorf("got %s to wait, want 6 s", got)
	}
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
