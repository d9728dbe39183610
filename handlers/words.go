package handlers

import (
	"fmt"
	"strings"
	"time"

	"sessionlab/views"
)

// when says a moment as people do: "in 6 days", "3 minutes ago". The exact moment
// goes along for machines and for the hover.
func when(t, now time.Time) views.Time {
	d := t.Sub(now)
	text := "now"
	switch {
	case d >= time.Second:
		text = "in " + long(d)
	case d <= -time.Second:
		text = long(-d) + " ago"
	}
	return moment(t, text)
}

// on says a moment by its day: "on 22 December", with the year when it is another.
func on(t, now time.Time) views.Time {
	t = t.UTC()
	layout := "2 January"
	switch {
	case t.Sub(now) < 24*time.Hour && t.Day() == now.UTC().Day():
		return moment(t, "today at "+t.Format("15:04 UTC"))
	case t.Year() != now.UTC().Year():
		layout = "2 January 2006"
	}
	return moment(t, "on "+t.Format(layout))
}

func moment(t time.Time, text string) views.Time {
	t = t.UTC()
	return views.Time{Text: text, ISO: t.Format(time.RFC3339), Exact: t.Format("Monday 2 January 2006, 15:04:05 UTC")}
}

// long rounds a duration to its largest unit that is worth saying.
func long(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 47*time.Hour+30*time.Minute:
		return count(d, day, "day")
	case d >= 90*time.Minute:
		return count(d, time.Hour, "hour")
	case d >= 90*time.Second:
		return count(d, time.Minute, "minute")
	default:
		return count(d, time.Second, "second")
	}
}

func count(d, unit time.Duration, name string) string {
	n := int64((d + unit/2) / unit)
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// device names the browser behind a User-Agent header, for people to recognise
// it in a list: "Firefox on Linux". Headers are easily forged, and nothing is
// decided by them.
func device(userAgent string) string {
	browser, system := "A browser", ""
	for _, b := range []struct{ mark, name string }{
		{"HeadlessChrome/", "Headless Chrome"}, {"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
		{"curl/", "curl"}, {"Wget/", "Wget"}, {"Go-http-client/", "A Go program"}, {"python-requests/", "A Python program"},
	} {
		if strings.Contains(userAgent, b.mark) {
			browser = b.name
			break
		}
	}
	for _, o := range []struct{ mark, name string }{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(userAgent, o.mark) {
			system = o.name
			break
		}
	}
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

// deviceKind says which picture suits a device.
func deviceKind(browser, system string) string {
	switch {
	case system == "Android" || system == "iPhone" || system == "iPad":
		return "phone"
	case system == "" && browser != "A browser":
		return "tool"
	}
	return "desktop"
}
