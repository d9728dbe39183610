package oauth

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	defaultNext = "/dashboard"
	maxNext     = 512 // bytes
	maxLayers   = 4   // of percent-encoding
)

// SafeNext returns s if it is a path of this site that a browser can be sent to
// after a sign-in, and "/dashboard" otherwise (CWE-601).
//
// Such a path begins with exactly one slash, has at most 512 bytes of UTF-8, and holds no
// "//", backslash, control character or dot segment, encoded or not: a browser may
// normalize those so that the result names another host. The pages of signing in and out
// are refused, because they would lead back here.
func SafeNext(s string) string {
	if len(s) > maxNext {
		return defaultNext
	}
	if u, err := url.Parse(s); err != nil || u.Scheme != "" || u.Host != "" {
		return defaultNext
	}
	// A proxy may decode the path once too often, so every layer has to be harmless. What
	// does not decode, or never ends, is refused.
	layer := s
	for range maxLayers {
		if !isPlainPath(layer) {
			return defaultNext
		}
		inner, err := url.PathUnescape(layer)
		if err != nil {
			return defaultNext
		}
		if inner == layer {
			return s
		}
		layer = inner
	}
	return defaultNext
}

func isPlainPath(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.Contains(s, "//") || strings.Contains(s, `\`) ||
		strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		return false
	}
	path := s
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		path = s[:i]
	}
	segments := strings.Split(path[1:], "/")
	for _, segment := range segments {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return segments[0] != "sign-in" && segments[0] != "sign-out"
}
