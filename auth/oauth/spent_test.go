package oauth

import (
	"strconv"
	"testing"
	"time"
)

// TestSpentIsBounded floods the memory of used flows.
func TestSpentIsBounded(t *testing.T) {
	var s spent
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	end := now.Add(flowLifetime)
	for i := range maxSpent + 10 {
		if !s.add(strconv.Itoa(i), end, now) {
			t.Fatalf("flow %d was there before it came", i)
		}
	}
	if len(s.names) != maxSpent || len(s.queue) != maxSpent {
		t.Errorf("remembers %d flows in a queue of %d, want %d", len(s.names), len(s.queue), maxSpent)
	}
	if s.has("9") || !s.has("10") {
		t.Error("did not forget the oldest")
	}
	s.add("last", end.Add(time.Minute), end)
	if len(s.names) != 1 || len(s.queue) != 1 {
		t.Errorf("remembers %d flows in a queue of %d after all but one expired", len(s.names), len(s.queue))
	}
}
