package devidp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS []byte

	pages     = template.Must(template.New("page.html").Parse(pageHTML))
	styleHash = hashOf(styleCSS)
)

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// A page is what page.html shows: the chooser if Personas is set, else Text.
type page struct {
	Title    string
	Text     string
	Refused  bool
	Client   string
	Personas []Persona
	Shares   string   // what the client will be told
	Hidden   []hidden // the request's parameters

	Base, Issuer, StyleHash string // set by show
}

type hidden struct{ Name, Value string }

func (p *Provider) showChooser(w http.ResponseWriter, req request, params url.Values) {
	pg := page{Title: "Who do you want to be?", Client: req.client.Name, Personas: personas, Shares: "identifier"}
	if pg.Client == "" {
		pg.Client = req.client.ID
	}
	for _, scope := range []struct{ name, text string }{{"profile", "name"}, {"email", "email"}} {
		if slices.Contains(req.scope, scope.name) {
			pg.Shares += ", " + scope.text
		}
	}
	for _, name := range parameters {
		if params.Has(name) {
			pg.Hidden = append(pg.Hidden, hidden{name, params.Get(name)})
		}
	}
	p.show(w, http.StatusOK, pg)
}

// fail shows an error page, because there is no URI that is safe to redirect to.
func (p *Provider) fail(w http.ResponseWriter, status int, text string) {
	p.show(w, status, page{Title: "This request was refused", Text: text, Refused: true})
}

func (p *Provider) showSignedOut(w http.ResponseWriter) {
	p.show(w, http.StatusOK, page{
		Title: "Signed out",
		Text:  "This provider keeps no session, so there was nothing to end here. You can close this page.",
	})
}

func (p *Provider) show(w http.ResponseWriter, status int, pg page) {
	pg.Base, pg.Issuer, pg.StyleHash = p.base, p.Issuer, styleHash
	var body bytes.Buffer
	if err := pages.Execute(&body, pg); err != nil {
		http.Error(w, "cannot draw the page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

// style serves the style sheet. Pages link to it by its hash, so it may be
// cached for good.
func style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "style.css", time.Time{}, bytes.NewReader(styleCSS))
}
