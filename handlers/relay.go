package handlers

import (
	"net/http"
	"strings"

	"sessionlab/auth/oauth"
)

// relay handles callbacks that arrive by POST (response_mode=form_post). They are
// cross-site, so this is the only exception to [Site.checkOrigin]; it reads and sets no
// cookie. It redirects to the GET callback with the posted values sealed in the query,
// where they are checked against the browser's flow as usual.
func (s *Site) relay(next http.Handler) http.Handler {
	relayed := s.limitBody(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie") // so that an error page ignores cookies, too
		if wait := s.limits.callbacks.Take(network(VisitFrom(r.Context()).client())); wait > 0 {
			s.refuse(w, r, s.rateLimited(r, wait))
			return
		}
		to, err := s.relayedTo(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && s.Providers.UsesFormPost(callbackOf(r)) {
			relayed.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// callbackOf returns the id of the provider whose callback URL r requests, or "" if it is
// not a callback.
func callbackOf(r *http.Request) string {
	id, ok := strings.CutSuffix(r.URL.Path, "/callback")
	if id, found := strings.CutPrefix(id, "/sign-in/"); ok && found {
		return id
	}
	return ""
}

// relayedTo returns the URL that a posted callback is redirected to.
func (s *Site) relayedTo(r *http.Request) (string, error) {
	form, err := formOf(r)
	if err != nil {
		return "", err
	}
	provider := callbackOf(r)
	query, err := s.Providers.Relay(r.Context(), provider, form)
	if code := oauth.Code(err); code != "" {
		s.Log.WarnContext(r.Context(), "sign_in_failed", "id", VisitFrom(r.Context()).ID, "provider", provider, "reason", code, "error", err)
		return signInPath("", code), nil
	}
	return r.URL.Path + "?" + query.Encode(), err
}
