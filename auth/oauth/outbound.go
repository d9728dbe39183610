package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
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

// bounded hands on only answers that can be used: read whole, at most 256 KiB,
// and no redirect, because following one would carry a code or a token to where
// nobody configured it. The libraries on top of it cap nothing.
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

// getJSON asks url with a bearer token and decodes the answer into v.
func getJSON(ctx context.Context, client *http.Client, url, bearer string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return statusError(resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(v)
}
