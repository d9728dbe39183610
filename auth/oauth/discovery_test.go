package oauth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sessionlab/auth/oauth"
)

// journal returns a logger for s, and what it has written so far: of each line the
// message, the provider, its issuer, the code and the error.
func (s *site) journal() func() []string {
	var written bytes.Buffer
	s.Providers.Log = slog.New(slog.NewJSONHandler(&written, nil))
	return func() (lines []string) {
		if strings.Contains(written.String(), leak) {
			s.Errorf("the log repeats the provider: %s", &written)
		}
		for line := range strings.Lines(written.String()) {
			var l struct{ Msg, Provider, Issuer, Reason, Error string }
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				s.Fatal(err)
			}
			lines = append(lines, strings.TrimSpace(strings.Join([]string{l.Msg, l.Provider, l.Issuer, l.Reason, l.Error}, " ")))
		}
		return lines
	}
}

// What the operator did wrong is told from an outage, to them and to visitors.
func TestDiscoveryFailureHasAReason(t *testing.T) {
	const unavailable, misconfigured = "provider_unavailable", "provider_misconfigured"
	document := func(bend func(map[string]any)) func(*fakeOP) {
		return func(op *fakeOP) { op.metadata = bend }
	}
	instead := func(h http.HandlerFunc) func(*fakeOP) {
		return func(op *fakeOP) { op.replace("/.well-known/openid-configuration", h) }
	}
	for name, test := range map[string]struct {
		bend         func(*fakeOP)
		issuer       string // as configured, if another
		code, reason string
	}{
		"another issuer":      {document(func(d map[string]any) { d["issuer"] = "https://evil.example/" + leak }), "", misconfigured, "the document names another issuer"},
		"no issuer":           {document(func(d map[string]any) { delete(d, "issuer") }), "", misconfigured, "the document names another issuer"},
		"any tenant":          {document(func(d map[string]any) { d["issuer"] = "https://op.example/{tenantid}/v2.0" }), "", misconfigured, "the document is for many tenants; want the issuer of one"},
		"a slash too many":    {nil, "https://op.example/", misconfigured, "the document's issuer has no slash at its end"},
		"a slash too few":     {document(func(d map[string]any) { d["issuer"] = "https://op.example/" }), "", misconfigured, "the document's issuer has a slash at its end"},
		"no token endpoint":   {document(func(d map[string]any) { delete(d, "token_endpoint") }), "", misconfigured, "the document has no usable token_endpoint"},
		"keys over http":      {document(func(d map[string]any) { d["jwks_uri"] = "http://op.example/jwks" }), "", misconfigured, "the document has no usable jwks_uri"},
		"of another shape":    {document(func(d map[string]any) { d["token_endpoint"] = []string{leak} }), "", misconfigured, "answer not understood"},
		"a page":              {instead(broken["HTML"].answer), "", misconfigured, "answer not understood"},
		"nothing there":       {instead(broken["404"].answer), "", misconfigured, "status 404"},
		"refused":             {instead(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 401, leak) }), "", misconfigured, "status 401"},
		"a redirect":          {instead(broken["redirect"].answer), "", misconfigured, "status 307"},
		"too much":            {instead(broken["JSON of 1 MiB"].answer), "", misconfigured, "answer over 256 KiB"},
		"an error of its own": {instead(broken["500"].answer), "", unavailable, "status 500"},
		"asked too often":     {instead(broken["429"].answer), "", unavailable, "status 429"},
		"nobody":              {nil, "https://nobody.example", unavailable, "connection failed"},
	} {
		t.Run(name, func(t *testing.T) {
			op := newOP(t)
			if test.bend != nil {
				test.bend(op)
			}
			s := withOP(t, op)
			if test.issuer != "" {
				s.List[0].Issuer = test.issuer
			}
			s.wantsFailure(test.code, test.reason)
		})
	}
}

// wantsFailure wants the one provider of s to be unusable, with a line in the log.
func (s *site) wantsFailure(code, reason string) {
	s.Helper()
	lines := s.journal()
	_, err := s.newBrowser().tryStart("oidc", oauth.StartOptions{})
	if oauth.Code(err) != code {
		s.Errorf("start: got %v (%s), want %s", err, oauth.Code(err), code)
	}
	if got := oauth.Code(s.Available(s.Context())[0].Err); got != code {
		s.Errorf("status: got %s, want %s", got, code)
	}
	want := []string{fmt.Sprintf("provider_failed oidc %s %s %s: discovery: %s", s.List[0].Issuer, code, strings.ReplaceAll(code, "_", " "), reason)}
	if diff := cmp.Diff(want, lines()); diff != "" {
		s.Errorf("log (-want +got):\n%s", diff)
	}
}

// A transport is a function that answers requests.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// The same over true connections, by the package's own transport.
func TestDiscoveryOverTheWire(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	untrusted, plain := httptest.NewTLSServer(http.NotFoundHandler()), httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	t.Cleanup(plain.Close)
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	unknown := transport(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: leak, IsNotFound: true}}
	})
	for name, test := range map[string]struct {
		issuer, code, reason string
		transport            http.RoundTripper
	}{
		"dead port":             {"http://" + closed.Addr().String(), "provider_unavailable", "connection refused", nil},
		"unknown host":          {"https://op.example", "provider_unavailable", "host not found", unknown},
		"certificate of nobody": {untrusted.URL, "provider_misconfigured", "certificate not trusted", nil},
		"http where https is":   {strings.Replace(plain.URL, "http", "https", 1), "provider_misconfigured", "no TLS at that port", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, &oauth.Provider{ID: "oidc", Issuer: test.issuer, ClientID: clientID})
			s.Transport = test.transport
			s.wantsFailure(test.code, test.reason)
		})
	}
}

// The log has a line for each change, however often a provider is asked.
func TestDiscoveryIsLoggedOnChange(t *testing.T) {
	op := newOP(t)
	s := withOP(t, op)
	lines := s.journal()
	asked := func(h http.HandlerFunc) {
		op.replace("/.well-known/openid-configuration", h)
		for range 3 {
			s.Available(t.Context())
			s.clock.Advance(5 * time.Second)
		}
	}
	asked(broken["500"].answer)
	asked(broken["429"].answer)
	op.metadata = func(d map[string]any) { delete(d, "token_endpoint") }
	asked(nil)
	op.metadata = nil
	asked(nil)
	want := []string{
		"provider_failed oidc https://op.example provider_unavailable provider unavailable: discovery: status 500",
		"provider_failed oidc https://op.example provider_unavailable provider unavailable: discovery: status 429",
		"provider_failed oidc https://op.example provider_misconfigured provider misconfigured: discovery: the document has no usable token_endpoint",
		"provider_recovered oidc https://op.example",
	}
	if diff := cmp.Diff(want, lines()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}

	s = withOP(t, newOP(t))
	lines = s.journal()
	s.Available(t.Context())
	if got := lines(); len(got) > 0 {
		t.Errorf("a provider that works is logged: %q", got)
	}
}

// A client that is not registered as it is configured is the operator's mistake too,
// wherever the provider says so.
func TestClientRefusedIsMisconfigured(t *testing.T) {
	for _, code := range []string{"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"} {
		op := newOP(t)
		op.replace("/token", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, code) })
		ada := withOP(t, op).newBrowser()
		ada.mustRefuse("oidc", op.approve(ada.start("oidc")), oauth.ErrMisconfigured)
	}
	for code, want := range map[string]*oauth.Error{
		"unauthorized_client": oauth.ErrMisconfigured, "unsupported_response_type": oauth.ErrMisconfigured,
		"invalid_scope": oauth.ErrMisconfigured, "redirect_uri_mismatch": oauth.ErrMisconfigured,
		"temporarily_unavailable": oauth.ErrUnavailable, "server_error": oauth.ErrProvider, "login_required": oauth.ErrProvider, leak: oauth.ErrProvider,
	} {
		op := newOP(t)
		ada := withOP(t, op).newBrowser()
		query := op.approve(ada.start("oidc"))
		query.Del("code")
		query.Set("error", code)
		ada.mustRefuse("oidc", query, want)
	}
	if errors.Is(oauth.ErrMisconfigured, oauth.ErrUnavailable) {
		t.Error("a mistake is an outage")
	}
}
