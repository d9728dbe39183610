package devidp

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// parameters are the parameters of an authorization request that the provider reads.
// The page carries them from GET to POST.
var parameters = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
	"prompt", "code_challenge", "code_challenge_method", "request", "request_uri",
}

// A request is an authorization request that may be granted.
type request struct {
	client      *Client
	redirectURI string
	scope       []string // known ones, in the order of scopes
	nonce       string
	challenge   digest
}

// A grant holds the chosen persona and the client it is for.
type grant struct {
	clientID string
	persona  *Persona
	scope    []string
	nonce    string
	authTime time.Time
}

// A code is a grant waiting to be redeemed by its client. It is spent by the first
// attempt of that client to redeem it, successful or not.
type code struct {
	grant
	redirectURI string
	challenge   digest
	expires     time.Time
	spent       bool
	token       digest // of the access token it was spent on, if it was
}

// choose shows the personas.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p.fail(w, http.StatusBadRequest, "The query of this address is malformed.")
		return
	}
	if req, ok := p.read(w, params); ok {
		p.showChooser(w, req, params)
	}
}

// decide validates the request again, because the page's hidden fields are untrusted, and
// sends the browser back with a code or with access_denied.
func (p *Provider) decide(w http.ResponseWriter, r *http.Request) {
	params, status, err := readForm(w, r)
	if err != nil {
		p.fail(w, status, "This form is malformed or too large.")
		return
	}
	req, ok := p.read(w, params)
	if !ok {
		return
	}
	if params.Has("deny") {
		p.answer(w, req.redirectURI, params.Get("state"), url.Values{
			"error": {"access_denied"}, "error_description": {"nobody was chosen"},
		})
		return
	}
	who := persona(params.Get("persona"))
	if who == nil || repeated(params, "persona") != "" {
		p.fail(w, http.StatusBadRequest, "There is no such persona.")
		return
	}
	now := p.Now()
	p.mu.Lock()
	secret := p.codes.put(&code{
		grant: grant{
			clientID: req.client.ID, persona: who, scope: req.scope, nonce: req.nonce, authTime: now,
		},
		redirectURI: req.redirectURI,
		challenge:   req.challenge,
		expires:     now.Add(codeTTL),
	}, now)
	p.mu.Unlock()
	p.answer(w, req.redirectURI, params.Get("state"), url.Values{"code": {secret}})
}

// read validates an authorization request. When it cannot be granted, read has
// answered it: with an error page while the client or its redirect URI is unverified (RFC
// 6749 §4.1.2.1), and with a redirect afterwards.
func (p *Provider) read(w http.ResponseWriter, params url.Values) (request, bool) {
	if name := repeated(params, "client_id", "redirect_uri"); name != "" {
		p.fail(w, http.StatusBadRequest, "The request names more than one "+name+".")
		return request{}, false
	}
	client := p.client(params.Get("client_id"))
	if client == nil {
		p.fail(w, http.StatusBadRequest, "The request names no client_id that is registered here.")
		return request{}, false
	}
	uri := params.Get("redirect_uri")
	if !slices.Contains(client.RedirectURIs, uri) {
		p.fail(w, http.StatusBadRequest, "The request names no redirect_uri that is registered for its client.")
		return request{}, false
	}
	req := request{client: client, redirectURI: uri, nonce: params.Get("nonce")}
	if problem := req.judge(params); problem != nil {
		state := params.Get("state")
		if len(state) > maxEcho || len(params["state"]) > 1 {
			state = ""
		}
		p.answer(w, uri, state, url.Values{
			"error": {problem.Code}, "error_description": {problem.Description},
		})
		return request{}, false
	}
	return req, true
}

// judge validates the parameters whose errors the client may be told: OpenID Connect Core
// 1.0 §3.1.2.1 and §3.1.2.6, RFC 7636 §4.3 and §4.4.1.
func (req *request) judge(params url.Values) *oauthError {
	if name := repeated(params, parameters...); name != "" {
		return &oauthError{"invalid_request", name + " is repeated"}
	}
	for _, name := range []string{"state", "nonce"} {
		if len(params.Get(name)) > maxEcho {
			return &oauthError{"invalid_request", name + " exceeds 512 bytes"}
		}
	}
	switch {
	case params.Get("request") != "":
		return &oauthError{"request_not_supported", "request objects are not supported"}
	case params.Get("request_uri") != "":
		return &oauthError{"request_uri_not_supported", "request objects are not supported"}
	case params.Get("response_type") == "":
		return &oauthError{"invalid_request", "response_type is missing"}
	case params.Get("response_type") != "code":
		return &oauthError{"unsupported_response_type", "response_type must be code"}
	}
	if mode := params.Get("response_mode"); mode != "" && mode != "query" {
		return &oauthError{"invalid_request", "response_mode must be query"}
	}
	asked := strings.Fields(params.Get("scope"))
	if !slices.Contains(asked, "openid") {
		return &oauthError{"invalid_scope", "scope must contain openid"}
	}
	for _, scope := range scopes {
		if slices.Contains(asked, scope) {
			req.scope = append(req.scope, scope)
		}
	}
	if params.Get("code_challenge_method") != "S256" {
		return &oauthError{"invalid_request", "code_challenge_method must be S256"}
	}
	// Strict decoding skips line breaks, hence both lengths.
	challenge := params.Get("code_challenge")
	sum, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(challenge) != 43 || len(sum) != sha256.Size {
		return &oauthError{"invalid_request", "code_challenge must be 43 characters of base64url"}
	}
	req.challenge = digest(sum)
	if prompt := strings.Fields(params.Get("prompt")); slices.Contains(prompt, "none") {
		if len(prompt) > 1 {
			return &oauthError{"invalid_request", "prompt none stands alone"}
		}
		return &oauthError{"login_required", "this provider always asks"}
	}
	return nil
}

// answer sends the browser back to the client. The issuer goes along so that
// the client can tell providers apart: RFC 9207.
func (p *Provider) answer(w http.ResponseWriter, uri, state string, params url.Values) {
	if state != "" {
		params.Set("state", state)
	}
	params.Set("iss", p.Issuer)
	redirect(w, uri, params)
}
