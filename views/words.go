// Package views renders the pages. Its components take models of ready strings:
// they know no clock, no request and none of this program's other packages.
package views

import "strconv"

// plural says how many: "1 device", "1,204 devices".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
