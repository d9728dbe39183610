package devidp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// An oauthError is an error that a client is told, by redirect (RFC 6749
// §4.1.2.1) or as JSON (§5.2).
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"` // for developers; ASCII
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		http.Error(w, "cannot encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

// readForm returns the parameters of a POST body and ignores those of the URL.
// On error it says with which status to refuse.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, int, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge, err
	}
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	return r.PostForm, 0, nil
}

// repeated returns the first of names that v holds more than once, or "". RFC
// 6749 §3.1 and §3.2 forbid it: two readers might each believe another value.
func repeated(v url.Values, names ...string) string {
	for _, name := range names {
		if len(v[name]) > 1 {
			return name
		}
	}
	return ""
}

// redirect sends the browser to uri with more parameters.
func redirect(w http.ResponseWriter, uri string, more url.Values) {
	if len(more) > 0 {
		separator := "?"
		if strings.Contains(uri, "?") {
			separator = "&"
		}
		uri += separator + more.Encode()
	}
	w.Header().Set("Location", uri)
	w.WriteHeader(http.StatusSeeOther) // 303: never repeat the POST, RFC 9700 §4.12
}
