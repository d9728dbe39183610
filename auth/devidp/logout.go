package devidp

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// endSession is OpenID Connect RP-Initiated Logout 1.0. There is no session to
// end here; it sends the browser back where the client registered, or says on a
// page that it is done.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	status := http.StatusBadRequest
	if r.Method == http.MethodPost {
		params, status, err = readForm(w, r)
	}
	if err != nil {
		p.fail(w, status, "The request is malformed or too large.")
		return
	}
	if name := repeated(params, "client_id", "id_token_hint", "post_logout_redirect_uri", "state"); name != "" {
		p.fail(w, http.StatusBadRequest, "The request names more than one "+name+".")
		return
	}
	id := params.Get("client_id")
	if hint := params.Get("id_token_hint"); hint != "" {
		audience, err := p.audience(hint)
		if err != nil || id != "" && id != audience {
			p.fail(w, http.StatusBadRequest, "The id_token_hint was not issued by this provider for this client.")
			return
		}
		id = audience
	}
	uri, state := params.Get("post_logout_redirect_uri"), params.Get("state")
	if uri == "" {
		p.showSignedOut(w)
		return
	}
	client := p.client(id)
	if client == nil || !slices.Contains(client.PostLogoutURIs, uri) {
		p.fail(w, http.StatusBadRequest, "The request names no post_logout_redirect_uri that is registered for its client.")
		return
	}
	if len(state) > maxEcho {
		p.fail(w, http.StatusBadRequest, "The state exceeds 512 bytes.")
		return
	}
	more := url.Values{}
	if state != "" {
		more.Set("state", state)
	}
	redirect(w, uri, more)
}

// audience returns the client that an ID token of this provider was for. It
// accepts an expired one, as §2 of the specification asks.
func (p *Provider) audience(hint string) (string, error) {
	token, err := jwt.ParseSigned(hint, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", err
	}
	var id idToken
	if err := token.Claims(p.key.Key, &id); err != nil {
		return "", err
	}
	if id.Issuer != p.Issuer {
		return "", errors.New("issued elsewhere")
	}
	return id.Audience, nil
}
