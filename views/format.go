// Package views renders the pages. Its components take models of ready strings:
// they know no clock, no request and none of this program's other packages.
package views

import (
	"fmt"
	"strconv"
	"time"
)

func Within(window time.Duration) string {
	if window == 0 {
		return "at once"
	}
	return "within " + Duration(window)
}

// Relative formats t relative to now: "in 6 days", "3 minutes ago". The result also holds
// the exact time, for machines and for the tooltip.
func Relative(t, now time.Time) Time {
	d := t.Sub(now)
	text := "now"
	switch {
	case d >= time.Second:
		text = "in " + Duration(d)
	case d <= -time.Second:
		text = Duration(-d) + " ago"
	}
	return Moment(t, text)
}

// OnDay formats t as a day: "on 22 December", with the year if it is not the current one,
// or as a time of day if it is today.
func OnDay(t, now time.Time) Time {
	t = t.UTC()
	layout := "2 January"
	switch {
	case t.Sub(now) < 24*time.Hour && t.Day() == now.UTC().Day():
		return Moment(t, "today at "+t.Format("15:04 UTC"))
	case t.Year() != now.UTC().Year():
		layout = "2 January 2006"
	}
	return Moment(t, "on "+t.Format(layout))
}

func Moment(t time.Time, text string) Time {
	t = t.UTC()
	return Time{Text: text, ISO: t.Format(time.RFC3339), Exact: t.Format("Monday 2 January 2006, 15:04:05 UTC")}
}

// Duration rounds a duration to its largest unit that is worth saying.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 47*time.Hour+30*time.Minute:
		return Count(d, day, "day")
	case d >= 90*time.Minute:
		return Count(d, time.Hour, "hour")
	case d >= 90*time.Second:
		return Count(d, time.Minute, "minute")
	default:
		return Count(d, time.Second, "second")
	}
}

func Count(d, unit time.Duration, name string) string {
	n := int64((d + unit/2) / unit)
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// Plural formats a number of things: "1 device", "1,204 devices".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
