package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// Bounds of what a provider can make us wait for and read.
const (
	maxDial     = 2 * time.Second // one connection, and once more its TLS handshake
	maxCall     = 5 * time.Second // one call, body included
	maxCallback = 8 * time.Second // all calls of one callback
	maxWait     = 2 * time.Second // a page's wait for discovery
	maxBody     = 256 << 10       // bytes of one response
)

// NewTransport returns the transport for a site's outbound calls. It dials for
// 2 seconds at most and obeys HTTPS_PROXY.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: maxDial}).DialContext,
		TLSHandshakeTimeout:    maxDial,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// outbound is the one client for all calls to providers.
func (p *Providers) outbound() *http.Client {
	p.once.Do(func() {
		next := p.Transport
		if next == nil {
			next = NewTransport()
		}
		p.client = &http.Client{Transport: bounded{next}, Timeout: maxCall}
	})
	return p.client
}

// bounded limits responses to 256 KiB and rejects redirects, because following one could
// send a code or token to an unconfigured host. The libraries that use it set no limits.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	done := noteCall(r)
	resp, err := b.next.RoundTrip(r)
	done(resp)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch s := resp.StatusCode; {
	case s >= 200 && s <= 299:
	case s == http.StatusBadRequest || s == http.StatusUnauthorized: // may say why, RFC 6749 §5.2
	default:
		return nil, statusError(s)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

var errTooLarge = errors.New("answer over 256 KiB")

// statusError is a status that no answer can be taken from.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

func (s statusError) temporary() bool { return s >= 500 || s == http.StatusTooManyRequests }

// get requests url, with a bearer token unless that is empty, and returns the answer and
// its media type.
func get(ctx context.Context, client *http.Client, url, bearer, accept string) (body []byte, kind string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Accept", accept)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return nil, "", statusError(resp.StatusCode)
	}
	body, err = io.ReadAll(resp.Body)
	kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return body, kind, err
}

// getJSON asks url and decodes the answer into v. Members must match by their exact
// names, and a repeated one is an error.
func getJSON(ctx context.Context, client *http.Client, url, bearer string, v any) error {
	body, _, err := get(ctx, client, url, bearer, "application/json")
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}
