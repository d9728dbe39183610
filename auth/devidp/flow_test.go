package devidp_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"sessionlab/auth/devidp"
)

// The whole way of an application: discovery, the page, its form, the code, the
// token, its signature and claims, UserInfo.
func TestSignIn(t *testing.T) {
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		for _, who := range devidp.Personas() {
			w := newWorld(t)
			ctx := oidc.ClientContext(context.Background(), w.http)
			op, err := oidc.NewProvider(ctx, issuer)
			if err != nil {
				t.Fatal(err)
			}
			endpoint := op.Endpoint()
			endpoint.AuthStyle = style
			app := oauth2.Config{
				ClientID: "sessionlab", ClientSecret: secret, Endpoint: endpoint,
				RedirectURL: callback, Scopes: []string{"openid", "profile", "email", "unheard-of"},
			}
			proof := oauth2.GenerateVerifier()
			link := app.AuthCodeURL(`s"t'a<te>`, oidc.Nonce("n&once"), oauth2.S256ChallengeOption(proof))

			back := w.sentTo(w.press(link, "persona", who.ID), callback)
			if back.Get("state") != `s"t'a<te>` || back.Get("iss") != issuer || len(back) != 3 {
				t.Fatalf("sent back with %v", back)
			}
			w.clock.Advance(10 * time.Second)
			token, err := app.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(proof))
			if err != nil {
				t.Fatal(err)
			}
			if token.TokenType != "Bearer" || token.ExpiresIn != 300 || token.Extra("scope") != "openid profile email" || token.RefreshToken != "" {
				t.Errorf("got %+v", token)
			}

			raw, _ := token.Extra("id_token").(string)
			id, err := op.VerifierContext(ctx, &oidc.Config{ClientID: "sessionlab", Now: w.clock.Now}).Verify(ctx, raw)
			if err != nil {
				t.Fatal(err)
			}
			if id.Nonce != "n&once" {
				t.Errorf("nonce: got %q", id.Nonce)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				t.Error(err)
			}
			now := w.clock.Now()
			var got map[string]any
			if err := id.Claims(&got); err != nil {
				t.Fatal(err)
			}
			delete(got, "at_hash") // verified above
			if diff := cmp.Diff(map[string]any{
				"iss": issuer, "sub": who.Subject, "aud": "sessionlab", "azp": "sessionlab",
				"exp": float64(now.Unix() + 300), "iat": float64(now.Unix()), "auth_time": float64(now.Unix() - 10),
				"nonce": "n&once",
				"name":  who.Name, "given_name": who.GivenName, "email": who.Email, "email_verified": true,
			}, got); diff != "" {
				t.Errorf("ID token (-want +got):\n%s", diff)
			}

			info, err := op.UserInfo(ctx, oauth2.StaticTokenSource(token))
			if err != nil {
				t.Fatal(err)
			}
			if info.Subject != id.Subject || info.Email != who.Email || !info.EmailVerified {
				t.Errorf("user info: got %+v", info)
			}
			w.clock.Advance(5*time.Minute + time.Second) // go-oidc still accepts the instant itself
			if _, err := op.VerifierContext(ctx, &oidc.Config{ClientID: "sessionlab", Now: w.clock.Now}).Verify(ctx, raw); err == nil {
				t.Error("the ID token outlives its five minutes")
			}
		}
	}
}

// press opens link, reads the form on the page and submits it with one button.
func (w *world) press(link, name, value string) *http.Response {
	w.t.Helper()
	form := w.page(link).Find("form")
	if form.Length() != 1 || form.AttrOr("method", "") != "post" || form.AttrOr("action", "") != "/idp/authorize" {
		w.t.Fatalf("got %d forms, want one that posts to /idp/authorize", form.Length())
	}
	if form.Find(`button[name="`+name+`"][value="`+value+`"]`).Length() != 1 {
		w.t.Fatalf("no button %s=%s", name, value)
	}
	fields := url.Values{name: {value}}
	form.Find("input").Each(func(_ int, input *goquery.Selection) {
		if input.AttrOr("type", "") != "hidden" {
			w.t.Errorf("visible input %q", input.AttrOr("name", ""))
		}
		fields.Add(input.AttrOr("name", ""), input.AttrOr("value", ""))
	})
	return w.post("/authorize", fields)
}

func (w *world) page(link string) *goquery.Document {
	w.t.Helper()
	r, err := http.NewRequest("GET", link, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res := w.do(r)
	w.wants(res, http.StatusOK)
	doc, err := goquery.NewDocumentFromReader(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return doc
}

func TestPage(t *testing.T) {
	w := newWorld(t)
	doc := w.page(issuer + "/authorize?" + ask().Encode())
	for selector, want := range map[string]int{
		"html[lang=en]": 1, "title": 1, "main": 1, "h1": 1, "form": 1, "script": 0, "style": 0, "[style]": 0, "a": 0,
		"button": 4, "button[name=persona]": 3, "button[name=deny][value='1']": 1,
	} {
		if got := doc.Find(selector).Length(); got != want {
			t.Errorf("%s: got %d, want %d", selector, got, want)
		}
	}
	for _, want := range []string{"Development identity provider", "no password is needed", "Some <App>", "identifier, name, email"} {
		if !strings.Contains(doc.Find("body").Text(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	sheet, _ := doc.Find("link[rel=stylesheet]").Attr("href")
	if res := w.get(strings.TrimPrefix(sheet, "/idp"), nil); !strings.HasPrefix(sheet, "/idp/style.css?v=") || res.StatusCode != http.StatusOK {
		t.Errorf("style sheet %q: %s", sheet, res.Status)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	back := w.sentTo(w.press(issuer+"/authorize?"+ask().Encode(), "deny", "1"), callback)
	if back.Get("error") != "access_denied" || back.Get("state") != "state & more" || back.Get("iss") != issuer || back.Has("code") {
		t.Errorf("sent back with %v", back)
	}
}
