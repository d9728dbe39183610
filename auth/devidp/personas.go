package devidp

import "slices"

// A Persona is a user that a visitor can sign in as. Subject is what an application must
// know them by; it means nothing outside this provider and never changes.
type Persona struct {
	ID        string // value of the button on the page
	Subject   string
	Name      string
	GivenName string
	Email     string
	About     string // one line for the page
}

var personas = []Persona{
	{
		ID: "ada", Subject: "18151210", Name: "Ada Lovelace", GivenName: "Ada",
		Email: "ada@example.com", About: "Wrote the first program before there was a computer.",
	},
	{
		ID: "grace", Subject: "19061209", Name: "Grace Hopper", GivenName: "Grace",
		Email: "grace@example.com", About: "Built the first compiler and kept the moth.",
	},
	{
		ID: "linus", Subject: "19691228", Name: "Linus Torvalds", GivenName: "Linus",
		Email: "linus@example.com", About: "Started a kernel, just as a hobby.",
	},
}

// Personas returns all personas: ada, grace and linus.
func Personas() []Persona { return slices.Clone(personas) }

// persona returns the persona called id, or nil.
func persona(id string) *Persona {
	i := slices.IndexFunc(personas, func(who Persona) bool { return who.ID == id })
	if i < 0 {
		return nil
	}
	return &personas[i]
}

// scopes are the scopes that the provider grants; it ignores all others, as OpenID
// Connect Core 1.0 §3.1.2.1 wants.
var scopes = []string{"openid", "profile", "email"}

// claims are the claims about a persona that a scope grants: OpenID
// Connect Core 1.0 §5.4.
type claims struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"` // true wherever there is an email
}

func (who *Persona) claims(scope []string) claims {
	c := claims{Subject: who.Subject}
	if slices.Contains(scope, "profile") {
		c.Name, c.GivenName = who.Name, who.GivenName
	}
	if slices.Contains(scope, "email") {
		c.Email, c.EmailVerified = who.Email, true
	}
	return c
}
