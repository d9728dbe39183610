package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
)

// jarOf is a jar for a request with these cookies, and the response's headers.
func jarOf(cookies ...string) (*auth.Jar, http.Header) {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range cookies {
		r.Header.Add("Cookie", c)
	}
	w := httptest.NewRecorder()
	return auth.NewJar(w, r), w.Header()
}

// after is the Cookie header of a browser that had before and obeyed h.
func after(t *testing.T, before string, h http.Header) string {
	t.Helper()
	have := map[string]string{}
	for _, pair := range strings.Split(before, "; ") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			have[name] = value
		}
	}
	seen := map[string]bool{}
	for _, line := range h["Set-Cookie"] {
		if len(line) > 4050 {
			t.Errorf("a Set-Cookie line has %d bytes, want at most 4,050", len(line))
		}
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatalf("%.60q: %v", line, err)
		}
		if seen[c.Name] {
			t.Errorf("%s is set twice in one response", c.Name)
		}
		seen[c.Name] = true
		if !strings.HasPrefix(c.Name, "__Host-") || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s lacks an attribute: %s", c.Name, strings.TrimPrefix(line, c.Name+"="+c.Value))
		}
		if c.MaxAge < 0 {
			delete(have, c.Name)
		} else {
			have[c.Name] = c.Value
		}
	}
	var pairs []string
	for name, value := range have {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

func TestJarSpreadsLongValues(t *testing.T) {
	for _, size := range []int{0, 1, 3900, 3950, 3960, 3970, 4096, 8000, 11000, 11500} {
		value := strings.Repeat("v", size)
		jar, h := jarOf()
		if err := jar.Set("session-cookie", value, time.Hour); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		jar, _ = jarOf(after(t, "", h))
		got, err := jar.Get("session-cookie")
		if err != nil || got != value {
			t.Errorf("%d bytes: got %d back, %v", size, len(got), err)
		}
	}
}

func TestJarRefusesWhatDoesNotFit(t *testing.T) {
	jar, h := jarOf("__Host-big=before")
	if err := jar.Set("big", strings.Repeat("v", 40_000), time.Hour); !errors.Is(err, auth.ErrTooLarge) {
		t.Fatalf("got %v, want %v", err, auth.ErrTooLarge)
	}
	if len(h["Set-Cookie"]) != 0 {
		t.Errorf("cookies were touched: %.80q", h["Set-Cookie"])
	}
}

func TestJarExpiresSurplusChunks(t *testing.T) {
	sizes := []int{9000, 5000, 100, 9000, 100}
	browser := ""
	for _, size := range sizes {
		jar, h := jarOf(browser)
		if err := jar.Set("s", strings.Repeat("v", size), time.Hour); err != nil {
			t.Fatal(err)
		}
		browser = after(t, browser, h)
		jar, _ = jarOf(browser)
		if got, err := jar.Get("s"); err != nil || len(got) != size {
			t.Errorf("got %d bytes, %v, want %d; the browser has %v", len(got), err, size, jar.Names())
		}
		if bare := strings.Contains(browser, "__Host-s="); bare == (size > 4000) {
			t.Errorf("%d bytes: bare name present is %v", size, bare)
		}
	}
	jar, h := jarOf(browser)
	jar.Clear("s")
	if browser = after(t, browser, h); browser != "" {
		t.Errorf("after clearing the browser still has %.80q", browser)
	}
}

func TestJarLastWordCounts(t *testing.T) {
	jar, h := jarOf("__Host-s=old")
	for _, step := range []func(){
		func() { jar.Set("s", strings.Repeat("v", 9000), time.Hour) },
		func() { jar.Clear("s") },
	} {
		step()
	}
	if got := after(t, "__Host-s=old", h); got != "" {
		t.Errorf("a cleared cookie is still there: %.80q", got)
	}
	jar.Set("s", "new", time.Hour)
	if got := after(t, "__Host-s=old", h); got != "__Host-s=new" {
		t.Errorf("got %.80q", got)
	}
}

func TestJarReadsWhatBrowsersSend(t *testing.T) {
	for _, c := range []struct {
		name, header, want string
		err                error
	}{
		{"one", "__Host-s=abc", "abc", nil},
		{"among others", "a=1; __Host-s=abc; b=2", "abc", nil},
		{"none", "session=1; s=abc", "", nil},
		{"without the prefix", "s=abc; __Secure-s=abc", "", nil},
		{"padding", "__Host-s=abc==", "abc==", nil},
		{"chunks in any order", "__Host-s.2=b; __Host-s.1=a", "ab", nil},
		{"a gap", "__Host-s.1=a; __Host-s.3=c", "", auth.ErrInvalid},
		{"the first is missing", "__Host-s.2=b", "", auth.ErrInvalid},
		{"not a number", "__Host-s.x=b; __Host-s. =c; __Host-s.1 =d", "", nil},
		{"leading zeros", "__Host-s.01=a", "", auth.ErrInvalid},
		{"nine chunks", "__Host-s.1=a; __Host-s.2=a; __Host-s.3=a; __Host-s.4=a; __Host-s.5=a; __Host-s.6=a; __Host-s.7=a; __Host-s.8=a; __Host-s.9=a", "", auth.ErrInvalid},
		{"rubbish", ";;;=;__Host-;__Host-=;", "", nil},
	} {
		jar, _ := jarOf(c.header)
		if got, err := jar.Get("s"); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestJarMaxAge(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want int
	}{
		{0, 0}, {time.Hour, 3600}, {time.Hour - time.Millisecond, 3600}, {time.Millisecond, 1},
		{-time.Second, -1}, {500 * 24 * time.Hour, 400 * 24 * 3600},
	} {
		jar, h := jarOf()
		jar.Set("s", "v", c.age)
		got, err := http.ParseSetCookie(h.Get("Set-Cookie"))
		if err != nil || got.MaxAge != c.want {
			t.Errorf("%v: got Max-Age %v, %v, want %d", c.age, got, err, c.want)
		}
	}
}

func FuzzJar(f *testing.F) {
	f.Add("__Host-s=abc; __Host-s.1=a; __Host-s.2=b", "value")
	f.Add("__Host-s.1=a;__Host-s.3", "")
	f.Fuzz(func(t *testing.T, header, value string) {
		jar, h := jarOf(header)
		got, err := jar.Get("s")
		if err != nil && (got != "" || !auth.Refused(err)) {
			t.Errorf("got %q with %v", got, err)
		}
		jar.Clear("s")
		for _, line := range h["Set-Cookie"] {
			if _, err := http.ParseSetCookie(line); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}
