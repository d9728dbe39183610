package auth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sessionlab/auth"
)

// A sibling host can set a cookie under any name but one that begins with __Host-.
// White space that no browser removes makes another name (RFC 6265bis §5.8.3).
func TestJarKeepsPlantedNamesApart(t *testing.T) {
	for name, header := range map[string]string{
		"an en quad":              "\u2000__Host-session-cookie=planted",
		"a no-break space":        "\u00a0__Host-session-cookie=planted",
		"an ideographic space":    "a=b; \u3000__Host-session-cookie=planted",
		"a byte order mark":       "\ufeff__Host-session-cookie=planted",
		"a next line":             "\u0085__Host-session-cookie=planted",
		"a vertical tab":          "\v__Host-session-cookie=planted",
		"a form feed":             "\f__Host-session-cookie=planted",
		"another case":            "__HOST-session-cookie=planted",
		"no name":                 "=__Host-session-cookie=planted",
		"a space before the sign": "__Host-session-cookie =planted",
		"no sign":                 "__Host-session-cookie",
	} {
		jar, _ := jarOf(header)
		if got, err := jar.Get("session-cookie"); got != "" || err != nil {
			t.Errorf("%s: got %q, %v from %q, want no cookie of ours", name, got, err, header)
		}
	}
	for _, header := range []string{"__Host-session-cookie=ours", "a=b; __Host-session-cookie=ours", "a=b;\t__Host-session-cookie=ours ; c=d"} {
		jar, _ := jarOf(header)
		if got, _ := jar.Get("session-cookie"); got != "ours" {
			t.Errorf("got %q from %q, want ours", got, header)
		}
	}
}

// FuzzCookieParsers holds our reading of a Cookie header against that of net/http:
// whatever we take for a cookie of ours with a value that a browser can send, the
// standard library takes for the same.
func FuzzCookieParsers(f *testing.F) {
	for _, header := range []string{
		"", "__Host-a=b", "x=y; __Host-a=b", "\u2000__Host-a=b", "__Host-a=b; __Host-a=c", "=__Host-a=b", "__Host-a", "__Host-a=b=c",
		`__Host-a="b"`, "__Host-a =b", " __Host-a=b ", "\t__Host-a=b\t;;", "__Host-a\x00=b", "__Host-a=b\x7f", "__Host-ä=b", "__Host-=b", ";=;", "a=\u2028; __Host-a=b",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{header}
		jar := auth.NewJar(httptest.NewRecorder(), r)
		for _, name := range jar.Names() {
			value, err := jar.Get(name)
			if err != nil || strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`",;\`, c) }) {
				continue // no value of ours, whoever reads it
			}
			if !isToken(name) {
				continue // no name of ours
			}
			theirs, err := r.Cookie("__Host-" + name)
			if err != nil || theirs.Value != value {
				t.Errorf("%q: we read %s=%q, net/http %v (%v)", header, name, value, theirs, err)
			}
		}
	})
}

// isToken reports whether net/http lets a cookie have such a name.
func isToken(name string) bool {
	return (&http.Cookie{Name: "x" + name, Value: "y"}).Valid() == nil
}
