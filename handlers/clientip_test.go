package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestClientIP(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name    string
		proxies []netip.Prefix
		peer    string
		header  []string
		want    string
	}{
		{"nobody is trusted", nil, "10.0.0.1:5", []string{"1.2.3.4"}, "10.0.0.1"},
		{"loopback is not trusted", proxies, "127.0.0.1:5", []string{"1.2.3.4"}, "127.0.0.1"},
		{"a private net is not trusted", proxies, "192.168.0.1:5", []string{"1.2.3.4"}, "192.168.0.1"},
		{"a proxy is believed", proxies, "10.0.0.1:5", []string{"1.2.3.4"}, "1.2.3.4"},
		{"by IPv6 too", proxies, "[fd00::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		{"what a client made up is not", proxies, "10.0.0.1:5", []string{"6.6.6.6, 1.2.3.4"}, "1.2.3.4"},
		{"two proxies", proxies, "10.0.0.1:5", []string{"6.6.6.6, 1.2.3.4, 10.0.0.2"}, "1.2.3.4"},
		{"two lines", proxies, "10.0.0.1:5", []string{"6.6.6.6", "1.2.3.4"}, "1.2.3.4"},
		{"no header", proxies, "10.0.0.1:5", nil, "10.0.0.1"},
		{"nonsense", proxies, "10.0.0.1:5", []string{"nonsense"}, "10.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.header, "X-Real-Ip": {"6.6.6.6"}}}
		if got := clientIP(c.proxies)(r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzClientIP: the address is the peer's, unless a proxy that was named says
// another, and then never one that stands left of one that nobody vouches for.
func FuzzClientIP(f *testing.F) {
	for _, header := range []string{"", "1.2.3.4", "6.6.6.6, 1.2.3.4", "nonsense, 10.0.0.2", "[2001:db8::1]", ",,,", "10.0.0.9", "1.2.3.4:80"} {
		f.Add(header, true)
		f.Add(header, false)
	}
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	extract := clientIP([]netip.Prefix{trusted})
	f.Fuzz(func(t *testing.T, header string, fromProxy bool) {
		peer := "203.0.113.9"
		if fromProxy {
			peer = "10.0.0.1"
		}
		r := &http.Request{RemoteAddr: peer + ":5", Header: http.Header{"X-Forwarded-For": {header}}}
		got := extract(r)
		if !fromProxy && got != peer {
			t.Fatalf("%q from %s: got %s", header, peer, got)
		}
		if got == peer {
			return
		}
		said, err := netip.ParseAddr(got)
		if err != nil {
			t.Fatalf("%q: got %q, no address", header, got)
		}
		hops := strings.Split(header, ",")
		slices.Reverse(hops)
		for _, hop := range hops {
			ip, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]"))
			if err == nil && ip.Unmap() == said.Unmap() {
				return
			}
			if err != nil || !trusted.Contains(ip.Unmap()) {
				t.Fatalf("%q: got %s, beyond %q", header, got, hop)
			}
		}
		t.Fatalf("%q: got %s from nowhere", header, got)
	})
}
