package main

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// An origin is the address under which browsers know the site, written as they write it
// in Host and Origin: another spelling would match no request.
type origin struct{ *url.URL }

var errOrigin = errors.New("an origin, such as https://app.example.com")

func (o *origin) UnmarshalText(b []byte) error {
	u, err := url.Parse(string(b))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") ||
		u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errOrigin
	}
	host, err := browserHost(u.Hostname())
	if err != nil {
		return errOrigin
	}
	port, err := browserPort(u.Port(), u.Scheme)
	if err != nil {
		return errOrigin
	}
	switch {
	case port != "":
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	o.URL = &url.URL{Scheme: u.Scheme, Host: host}
	return nil
}

// domains converts names as browsers do (URL standard, "domain to ASCII").
var domains = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.StrictDomainName(false),
	idna.Transitional(false), idna.VerifyDNSLength(true),
)

// browserHost returns a host name as browsers write it, and an error for what browsers do
// not accept as a host. It rejects IPv6 zones, which browsers refuse, and IPv4-mapped
// IPv6 addresses, which they write in hexadecimal.
func browserHost(name string) (string, error) {
	if strings.Contains(name, ":") {
		ip, err := netip.ParseAddr(name)
		if err != nil || ip.Zone() != "" || ip.Is4In6() {
			return "", errOrigin
		}
		return ip.String(), nil
	}
	name, err := domains.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || strings.ContainsFunc(name, notInHosts) {
		return "", errOrigin
	}
	// Browsers parse a host that ends in a number as IPv4 and reject it if it is not.
	if _, err := netip.ParseAddr(name); err != nil && endsInNumber(name) {
		return "", errOrigin
	}
	return name, nil
}

func notInHosts(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
}

func endsInNumber(name string) bool {
	label := name[strings.LastIndex(name, ".")+1:]
	return strings.HasPrefix(label, "0x") || strings.Trim(label, "0123456789") == ""
}

// browserPort returns a port as browsers write it: empty if it is the scheme's default.
func browserPort(port, scheme string) (string, error) {
	if port == "" {
		return "", nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if scheme == "http" && n == 80 || scheme == "https" && n == 443 {
		return "", err
	}
	return strconv.FormatUint(n, 10), err
}
