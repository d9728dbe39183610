package oauth_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sessionlab/auth/oauth"
)

func testNext(t *testing.T) {
	for _, good := range []string{
		"/", "/dashboard", "/sessions", "/compare?view=table&strategy=cookie", "/a/b/c#here", "/caf%C3%A9", "/café",
		"/a%20b", "/sign-inside", "/x?next=/sign-in", "/a/sign-in", "/" + strings.Repeat("a", 511),
	} {
		if got := oauth.SafeNext(good); got != good {
			t.Errorf("SafeNext(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "dashboard", "https://evil.example", "HTTPS:evil.example", "//evil.example", "///evil.example", "/\\evil.example",
		`\\evil.example`, `/\/evil.example`, "/\t/evil.example", "/\n/evil.example", "/\r\nSet-Cookie: a=b", "/\x00", "/\x7f",
		"/\u0085", " /dashboard", "\t//evil.example", "javascript:alert(1)", "data:,x", "@evil.example", ".evil.example",
		"/%2f/evil.example", "/%2F%2Fevil.example", "/%2fevil.example", "/%5cevil.example", "/%5Cevil.example",
		"/%09/evil.example", "/%0a/evil.example", "/%0d%0aLocation:x", "/%00", "/%252f/evil.example", "/%25252fevil.example",
		"/%255cevil.example", "/%2525252525252f", "/a%", "/%zz", "/a?b=%", "/\xff", "/%ff",
		"/./", "/../", "/a/../../sign-in", "/%2e%2e/x", "/.%2E/x", "/a/..", "/a//b", "/a?u=https://evil.example",
		"/sign-in", "/sign-in/", "/sign-in?next=/", "/sign-in#x", "/sign-in/dev/callback?code=x", "/sign-out", "/%73ign-in",
		"/" + strings.Repeat("a", 512),
	} {
		if got := oauth.SafeNext(bad); got != "/dashboard" {
			t.Errorf("SafeNext(%q) = %q, want /dashboard", bad, got)
		}
	}
}

// FuzzNext resolves what SafeNext lets through as a browser would.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{"/dashboard", "//x", `/\x`, "/%2f%2fx", "/\t/x", "/a/..//x", "https:x", "/%255c", "/?\\\\x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := oauth.SafeNext(s)
		if got != s && got != "/dashboard" {
			t.Fatalf("SafeNext(%q) = %q, which is neither it nor the default", s, got)
		}
		if len(got) > 512 || !utf8.ValidString(got) {
			t.Errorf("SafeNext(%q) = %q is too long or no text", s, got)
		}
		// Also after something on the way has decoded it, once or twice.
		for range 3 {
			origin, path := resolve("https://site.example", got)
			if origin != "https://site.example" {
				t.Fatalf("SafeNext(%q): %q leads to %s", s, got, origin)
			}
			if first, _, _ := strings.Cut(path[1:], "/"); first == "sign-in" || first == "sign-out" {
				t.Errorf("SafeNext(%q): %q leads to %s", s, got, path)
			}
			got = decodeLeniently(got)
		}
		if oauth.SafeNext(oauth.SafeNext(s)) != oauth.SafeNext(s) {
			t.Errorf("SafeNext(%q) is not its own fixed point", s)
		}
	})
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// resolve follows the WHATWG URL standard as far as it decides where a browser
// goes from a page of base: §4.4 strips and removes characters, takes a backslash
// for a slash, and shortens the path at dot segments.
func resolve(base, ref string) (origin, path string) {
	ref = strings.TrimFunc(ref, func(r rune) bool { return r <= ' ' })
	ref = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(ref)
	if s := scheme.FindString(ref); s != "" && !(strings.EqualFold(s, "https:") && !isSlash(ref, len(s))) {
		return ref, "/"
	} else if s != "" {
		ref = ref[len(s):] // a special scheme without slashes is relative to base
	}
	end := len(ref)
	if i := strings.IndexAny(ref, "?#"); i >= 0 {
		end = i
	}
	ref = strings.ReplaceAll(ref[:end], `\`, "/")
	if strings.HasPrefix(ref, "//") {
		host, _, _ := strings.Cut(strings.TrimLeft(ref, "/"), "/")
		return "https://" + host, "/"
	}
	var segments []string
	for _, segment := range strings.Split(strings.TrimPrefix(ref, "/"), "/") {
		switch dots := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); dots {
		case ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, segment)
		}
	}
	return base, "/" + strings.Join(slices.Clip(segments), "/")
}

func isSlash(s string, i int) bool { return i < len(s) && (s[i] == '/' || s[i] == '\\') }

// decodeLeniently decodes what it can, as forgiving servers do.
func decodeLeniently(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexDigit(c byte) int {
	return strings.Index("0123456789abcdef", strings.ToLower(string(rune(c))))
}
