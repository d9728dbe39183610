package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
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
		{"empty elements", proxies, "10.0.0.1:5", []string{"1.2.3.4, , ", ""}, "1.2.3.4"},
		{"an empty header", proxies, "10.0.0.1:5", []string{"", " ,\t"}, "10.0.0.1"},
		{"a port", proxies, "10.0.0.1:5", []string{"1.2.3.4:5678"}, "1.2.3.4"},
		{"brackets", proxies, "10.0.0.1:5", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"brackets and a port", proxies, "10.0.0.1:5", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"a zone", proxies, "10.0.0.1:5", []string{"fe80::1%eth0"}, "fe80::1"},
		{"a zone, in brackets", proxies, "10.0.0.1:5", []string{"[fe80::1%eth0]:443"}, "fe80::1"},
		{"IPv4 in IPv6", proxies, "10.0.0.1:5", []string{"::ffff:1.2.3.4"}, "1.2.3.4"},
		{"a proxy's IPv4 in IPv6", proxies, "[::ffff:10.0.0.1]:5", []string{"1.2.3.4, [::ffff:10.0.0.2]:80"}, "1.2.3.4"},
		{"a proxy with a zone", proxies, "[fd00::1%eth0]:5", []string{"1.2.3.4, fd00::2%eth1"}, "1.2.3.4"},
		{"proxies with ports", proxies, "10.0.0.1:5", []string{"6.6.6.6, 1.2.3.4:1, 10.0.0.2:2"}, "1.2.3.4"},
		{"proxies alone", proxies, "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"nonsense", proxies, "10.0.0.1:5", []string{"nonsense"}, "unknown"},
		{"nonsense beyond a proxy", proxies, "10.0.0.1:5", []string{"6.6.6.6, unknown, 10.0.0.2"}, "unknown"},
		{"nonsense that nobody vouches for", proxies, "10.0.0.1:5", []string{"nonsense, 1.2.3.4"}, "1.2.3.4"},
		{"a name", proxies, "10.0.0.1:5", []string{"_hidden"}, "unknown"},
		{"a port too many", proxies, "10.0.0.1:5", []string{"1.2.3.4:80:80"}, "unknown"},
		{"half a bracket", proxies, "10.0.0.1:5", []string{"[2001:db8::1"}, "unknown"},
		{"IPv4 in brackets", proxies, "10.0.0.1:5", []string{"[1.2.3.4]"}, "unknown"},
		{"other white space", proxies, "10.0.0.1:5", []string{"\u00a01.2.3.4"}, "unknown"},
		{"an odd peer", proxies, "@", []string{"1.2.3.4"}, "unknown"},
		{"an odd peer, and nobody is trusted", nil, "unknown:0", nil, "unknown"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.header, "X-Real-Ip": {"6.6.6.6"}}}
		if got := clientIP(c.proxies)(r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzClientIP: the address is the peer's, unless a proxy that was named says another:
// then it is the last one before the proxies, which is unknown if it is no address.
func FuzzClientIP(f *testing.F) {
	for _, header := range []string{
		"", "1.2.3.4", "6.6.6.6, 1.2.3.4", "nonsense, 10.0.0.2", "[2001:db8::1]", ",,,", "10.0.0.9", "1.2.3.4:80", "[::1]:80, 10.0.0.2:1", "fe80::1%a",
	} {
		f.Add(header, true)
		f.Add(header, false)
	}
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	extract := clientIP([]netip.Prefix{trusted})
	f.Fuzz(func(t *testing.T, header string, fromProxy bool) {
		want := "203.0.113.9"
		if fromProxy {
			want = "10.0.0.1"
		}
		r := &http.Request{RemoteAddr: want + ":5", Header: http.Header{"X-Forwarded-For": {header}}}
		hops := strings.Split(header, ",")
		slices.Reverse(hops)
		for _, hop := range hops {
			if ip, err := netip.ParseAddr(want); err != nil || !trusted.Contains(ip) {
				break
			}
			if hop = strings.Trim(hop, " \t"); hop != "" {
				want = addressIn(hop)
			}
		}
		if got := extract(r); got != want {
			t.Fatalf("%q: got %s, want %s", header, got, want)
		}
	})
}

// addressIn reads an element of X-Forwarded-For by the means of package net.
func addressIn(hop string) string {
	host := hop
	if h, port, err := net.SplitHostPort(hop); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.HasPrefix(hop, "[") != strings.Contains(h, ":") {
			return "unknown"
		}
		host = h
	} else if strings.HasPrefix(hop, "[") && strings.HasSuffix(hop, "]") && strings.Contains(hop, ":") {
		host = hop[1 : len(hop)-1]
	}
	host, zone, zoned := strings.Cut(host, "%")
	ip := net.ParseIP(host)
	if ip == nil || zoned && (zone == "" || !strings.Contains(host, ":")) {
		return "unknown"
	}
	return ip.String()
}
