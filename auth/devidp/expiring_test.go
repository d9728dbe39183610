package devidp

import (
	"testing"
	"time"
)

func TestShelfIsBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := newExpiringStore[int](time.Minute)
	first := s.put(0, now)
	second := s.put(1, now)
	for i := 2; i <= maxKept; i++ {
		s.put(i, now)
	}
	if _, ok := s.get(first, now); ok || len(s.items) != maxKept || len(s.queue) != maxKept {
		t.Errorf("keeps the oldest: %t; %d items, %d queued", ok, len(s.items), len(s.queue))
	}
	if v, ok := s.get(second, now); !ok || v != 1 {
		t.Errorf("got %d, %t, want the second oldest", v, ok)
	}

	now = now.Add(time.Minute)
	if _, ok := s.get(second, now); ok {
		t.Error("a value outlives its time")
	}
	s.put(0, now)
	if len(s.items) != 1 || len(s.queue) != 1 {
		t.Errorf("expired ones stay: %d items, %d queued", len(s.items), len(s.queue))
	}
}
