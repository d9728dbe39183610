package auth

import "strings"

// DeviceName names the browser behind a User-Agent header, for people to recognise
// it in a list: "Firefox on Linux". Headers are easily forged, and nothing is
// decided by them.
func DeviceName(userAgent string) string {
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

// DeviceKind returns the name of the icon for a device.
func DeviceKind(browser, system string) string {
	switch {
	case system == "Android" || system == "iPhone" || system == "iPad":
		return "phone"
	case system == "" && browser != "A browser":
		return "tool"
	}
	return "desktop"
}
