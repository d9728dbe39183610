package lab

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A percentile out of counted steps is the true one, or above it by less than a
// step.
func TestSpread(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, longest := range []time.Duration{1, 90, time.Microsecond, time.Millisecond, 10 * time.Second} {
		s, times := &spread{}, []time.Duration{}
		for range 5000 {
			d := time.Duration(random.Int64N(int64(longest)))
			s.add(d)
			times = append(times, d)
		}
		slices.Sort(times)
		for _, p := range []int{1, 50, 99, 100} {
			got, want := s.percentile(p), times[len(times)*p/100-1]
			if got < want || float64(got) > float64(want)*1.016 {
				t.Errorf("up to %s, percentile %d: got %s, want %s and at most 1.6 %% more", longest, p, got, want)
			}
		}
	}
	if got := (&spread{}).percentile(50); got != 0 {
		t.Errorf("of nothing: got %s", got)
	}
	s := &spread{}
	s.add(-time.Second) // the clock was set back
	s.add(1<<63 - 1)
	if s.n != 2 {
		t.Errorf("got %d times, want 2", s.n)
	}
}
