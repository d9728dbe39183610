package handlers

import (
	"fmt"
	"strings"
	"time"
)

// timing sets the Server-Timing header, which shows the cost of the request in the
// browser's developer tools: one metric per kind of step, with its milliseconds and how
// many there were, and the total (https://www.w3.org/TR/server-timing). The time of a
// strategy step includes that of the reads, writes and seals within it.
//
// It is off unless [Site.Timing] is set: durations tell a stranger what was looked
// up, such as whether there is an account.
func (s *Site) timing(v *Visit) {
	type sum struct {
		name  string
		n     int
		taken time.Duration
	}
	var sums []sum
next:
	for _, step := range v.Receipt.Steps() {
		name, _, _ := strings.Cut(step.Kind, " ")
		for i := range sums {
			if sums[i].name == name {
				sums[i].n, sums[i].taken = sums[i].n+1, sums[i].taken+step.Took
				continue next
			}
		}
		sums = append(sums, sum{name, 1, step.Took})
	}
	var b strings.Builder
	for _, m := range sums {
		fmt.Fprintf(&b, "%s;dur=%s;desc=\"%d\", ", m.name, milliseconds(m.taken), m.n)
	}
	v.Header.Set("Server-Timing", b.String()+"total;dur="+milliseconds(s.Now().Sub(v.Began)))
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()*1000) }
