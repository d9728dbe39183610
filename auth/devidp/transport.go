package devidp

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Transport returns a RoundTripper that answers requests to the issuer from p,
// in process, and hands all others to next; nil means http.DefaultTransport. A
// program behind a port map cannot call its own public address, so its OpenID
// client reaches the provider this way.
func (p *Provider) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{p, next}
}

type transport struct {
	provider *Provider
	next     http.RoundTripper
}

// RoundTrip closes the request's body and changes nothing else of it, as
// http.RoundTripper demands.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	endpoint := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
	if !strings.HasPrefix(endpoint, t.provider.Issuer+"/") {
		return t.next.RoundTrip(r)
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	out := &answer{header: make(http.Header)}
	t.provider.ServeHTTP(out, in)
	out.WriteHeader(http.StatusOK) // unless it was called
	if r.Method == http.MethodHead {
		out.body.Reset()
	}
	return &http.Response{
		Status:     strconv.Itoa(out.status) + " " + http.StatusText(out.status),
		StatusCode: out.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        out.sent,
		Body:          io.NopCloser(&out.body),
		ContentLength: int64(out.body.Len()),
		Request:       r,
	}, nil
}

// An answer is a ResponseWriter that keeps the response.
type answer struct {
	header, sent http.Header // as being written, and as of WriteHeader
	status       int
	body         bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}
