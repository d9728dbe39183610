package devidp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"sessionlab/auth/devidp"
)

// An application finds the provider without a listening socket.
func ExampleProvider_Transport() {
	provider, err := devidp.New("http://localhost:8080/idp", time.Now, devidp.Client{
		ID: "app", Secret: "a secret", RedirectURIs: []string{"http://localhost:8080/callback"},
	})
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: provider.Transport(http.DefaultTransport)}

	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), client), provider.Issuer)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Endpoint().AuthURL)
	// Output: http://localhost:8080/idp/authorize
}

func TestTransportHandsOnTheRest(t *testing.T) {
	w := newWorld(t)
	for _, url := range []string{
		"http://localhost:8080/", "http://localhost:8080/idp", "http://localhost:8080/idp2/jwks",
		"https://localhost:8080/idp/jwks", "http://localhost/idp/jwks", "http://localhost.evil.example:8080/idp/jwks",
	} {
		if _, err := w.http.Get(url); err == nil || !strings.Contains(err.Error(), "no network") {
			t.Errorf("%s: got %v, want the next transport", url, err)
		}
	}
}

// A body that knows whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func TestTransportObeysTheContract(t *testing.T) {
	w := newWorld(t)
	form := &body{Reader: strings.NewReader("grant_type=x")}
	r := w.form("/token", nil)
	r.Body = form
	res, err := w.http.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if !form.closed || r.Body != form || r.RequestURI != "" {
		t.Error("the request's body is open, or the request was changed")
	}
	if got, _ := io.ReadAll(res.Body); int64(len(got)) != res.ContentLength || res.Status != "401 Unauthorized" || res.Request != r {
		t.Errorf("got %s, %d of %d bytes", res.Status, len(got), res.ContentLength)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	form = &body{Reader: strings.NewReader("")}
	r = w.form("/token", nil).WithContext(ctx)
	r.Body = form
	if _, err := w.http.Transport.RoundTrip(r); !errors.Is(err, context.Canceled) || !form.closed {
		t.Errorf("cancelled: got %v, body closed: %t", err, form.closed)
	}

	head, err := w.http.Head(issuer + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(head.Body); len(got) != 0 || head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: got %s with %d bytes", head.Status, len(got))
	}
}
