package handlerstest

import (
	"maps"

	"sessionlab/auth"
)

func (b *Browser) Copy() map[string]Cookie { return maps.Clone(b.Cookies) }

func (b *Browser) UserID() string {
	b.Helper()
	return b.WantsAPI("GET", "/api/user", 200, "")["id"].(string)
}

// LinkAt links an account of another provider, through the forms.
func (b *Browser) LinkAt(provider, persona string) *Browser {
	b.Helper()
	return b.Get("/account").Press("#link-"+provider).Press("button[value="+persona+"]").At("/account", 200)
}

// LinkCallback begins to link and stops before the callback.
func (b *Browser) LinkCallback(provider, persona string) string {
	b.Helper()
	to := b.Get("/account").PressOnce("#link-" + provider)
	b.Visit("GET", to, nil, "same-origin")
	action, values := b.Form("button[value=" + persona + "]")
	w := b.Request("POST", action, values, "same-origin")
	return w.Header().Get("Location")
}

// SignInAgain signs in while already signed in.
func (b *Browser) SignInAgain(persona string) *Browser {
	b.Helper()
	return b.Post("/sign-in/dev", nil).Press("button[value="+persona+"]").At("/dashboard", 200)
}

// AdaID returns the id of the user that Ada is at the provider of every site.
func AdaID() string {
	return auth.Identity{Issuer: LocalURL + "/idp", Subject: "18151210"}.UserID()
}
