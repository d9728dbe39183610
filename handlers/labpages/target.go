package labpages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"sessionlab/auth"
	"sessionlab/auth/devidp"
	"sessionlab/auth/lab"
	"sessionlab/auth/oauth"
	"sessionlab/handlers"
)

// secondProvider is there only for the attacks: no state of one provider may be
// good at another, so there must be two.
const secondProvider = "second"

// target is the site that is attacked: this one, with the same code, keys and settings.
// It differs only in what an attack needs: two embedded providers of its own, a
// connection to them that can be tapped, and made-up users.
func target(s *handlers.Site) (*handlers.Site, error) {
	base, secret := s.BaseURL.String(), s.Text()
	issuers := map[string]string{"dev": base + "/idp", secondProvider: base + "/idp/" + secondProvider}
	idps := map[string]*devidp.Provider{}
	providers := &oauth.Providers{BaseURL: base, Seal: s.Providers.Seal, Now: s.Now, Text: s.Text}
	providers.Transport = noNetwork{}
	for _, id := range []string{"dev", secondProvider} { // the second, whose path is longer, is asked first
		idp, err := devidp.New(issuers[id], s.Now, devidp.Client{
			ID: "sessionlab", Secret: secret, Name: "sessionlab", RedirectURIs: []string{base + "/sign-in/" + id + "/callback"},
		})
		if err != nil {
			return nil, err
		}
		idps[id], providers.Transport = idp, idp.Transport(providers.Transport)
		providers.List = append(providers.List, &oauth.Provider{
			ID: id, Name: "an embedded provider", Issuer: issuers[id], ClientID: "sessionlab", ClientSecret: secret,
		})
	}
	providers.Transport = tappedTransport{providers.Transport}
	return &handlers.Site{
		BaseURL: s.BaseURL, Assets: s.Assets, Providers: providers, Directory: guests{}, Users: s.Users,
		Accounts: s.Accounts, Passwords: s.Passwords, Managers: s.Managers, Pick: s.Pick,
		IDP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/idp/"+secondProvider+"/") {
				idps[secondProvider].ServeHTTP(w, r)
				return
			}
			idps["dev"].ServeHTTP(w, r)
		}),
		Ready: s.Ready, Extension: s.Extension, Now: s.Now, Text: s.Text, Log: s.Log,
	}, nil
}

// guests is an auth.Directory that signs in the made-up user of the attack's bench.
type guests struct{}

func (guests) SignIn(ctx context.Context, _ auth.Identity) (auth.User, error) {
	b := lab.From(ctx)
	if b == nil {
		return auth.User{}, errors.New("no guest without a bench")
	}
	return b.Person(), nil
}

// noNetwork is the transport for all other hosts: it always fails.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("not one of the attacked site's providers")
}

type tapKey struct{}

// A tap is a man in the middle between the site and its provider. It records the ID
// token, or replaces it.
type tap struct {
	kept   string
	put    string // the ID token to insert; "" only records
	placed bool
}

func (t *tap) on(ctx context.Context) context.Context { return context.WithValue(ctx, tapKey{}, t) }

// tappedTransport applies the tap in the request's context to the provider's response.
type tappedTransport struct{ next http.RoundTripper }

func (e tappedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.next.RoundTrip(r)
	t, _ := r.Context().Value(tapKey{}).(*tap)
	if err != nil || t == nil || !strings.HasSuffix(r.URL.Path, "/token") {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var said map[string]any
	if json.Unmarshal(body, &said) == nil {
		if token, ok := said["id_token"].(string); ok {
			t.kept = token
			if t.put != "" {
				said["id_token"], t.placed = t.put, true
				if body, err = json.Marshal(said); err != nil {
					return nil, err
				}
			}
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}
