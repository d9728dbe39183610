package labpages

import (
	"sessionlab/views/labviews"
)

// Names of the steps outside package oauth, which defines the others.
const (
	stepForm    = "form"
	stepPerson  = "person"
	stepSession = "session"
	stepClean   = "clean"
)

// A lesson explains a step and the attack it prevents.
type lesson struct {
	title   string
	defends string
	sources []labviews.Source
}

func rfc(number, section string) labviews.Source {
	return labviews.Source{Label: "RFC " + number + " §" + section, Href: "https://www.rfc-editor.org/rfc/rfc" + number + "#section-" + section}
}

func openID(part, section string) labviews.Source {
	pages := map[string]string{"Core": "openid-connect-core-1_0.html", "Discovery": "openid-connect-discovery-1_0.html"}
	return labviews.Source{Label: "OpenID Connect " + part + " §" + section, Href: "https://openid.net/specs/" + pages[part]}
}

var lessons = map[string]lesson{
	stepForm: {"The form", "A sign-in begins with a form of this site: no link, picture or prefetch can begin one, and a form on another site is refused.",
		[]labviews.Source{rfc("9110", "9.2.1"), rfc("9700", "4.7")}},
	"discovery": {"Discovery", "The provider's addresses come from the issuer that the site was configured with, and the document must name that very issuer: nobody slips in another token endpoint.",
		[]labviews.Source{rfc("8414", "3.3"), openID("Discovery", "4.3")}},
	"request": {"Authorization request", "The state ties the answer to this browser, the nonce ties the ID token to this sign-in, and of the verifier only a hash travels, so that what is overheard on the way redeems nothing.",
		[]labviews.Source{rfc("6749", "4.1.1"), rfc("7636", "4.3")}},
	stepPerson: {"The provider's page", "You prove to the provider who you are. This site never sees what you type there, so it cannot lose it.",
		[]labviews.Source{rfc("9700", "2.4"), rfc("6749", "1")}},
	"callback": {"Callback", "A state that this browser did not begin here, or an iss of somebody else, ends the sign-in: nobody is signed in to another's account, and no provider answers for another.",
		[]labviews.Source{rfc("9700", "4.7"), rfc("9207", "2.4")}},
	"token": {"Token request", "The code is worth nothing without the verifier, which no browser ever saw: whoever steals a code, or slips one in, redeems nothing.",
		[]labviews.Source{rfc("7636", "4.5"), rfc("9700", "4.5")}},
	"keys": {"Signature", "The ID token must be signed with a key that the provider publishes, by an algorithm that it lists; “none”, or a public key used as a password, does not count.",
		[]labviews.Source{rfc("8725", "3.1"), openID("Core", "10.1")}},
	"id_token": {"ID token checks", "Issuer, audience, times and nonce must be those of this site and of this very sign-in: a token made for another client, or replayed from another sign-in, says nothing here.",
		[]labviews.Source{rfc("8725", "3.8"), openID("Core", "3.1.3.7")}},
	"user_info": {"UserInfo", "It is asked only for what the ID token leaves out, and must be about the same subject: an access token of somebody else cannot change who you are.",
		[]labviews.Source{rfc("6750", "2.1"), openID("Core", "5.3.2")}},
	stepSession: {"Session issued", "Each sign-in makes a new session and ends the one that came with the request, so a session that was planted beforehand is nobody's.",
		[]labviews.Source{rfc("6265", "8.4")}},
	stepClean: {"A clean address", "The browser leaves at once for an address without code and state: neither stays in the history, and no page that is opened next is told of them.",
		[]labviews.Source{rfc("9700", "4.2"), rfc("9700", "4.3")}},
}

// glosses explain parameters where they stand.
var glosses = map[string]string{
	"Sec-Fetch-Site":         "the browser's word: the form stood on a page of this site",
	"authorization_endpoint": "where the browser is sent",
	"token_endpoint":         "where codes are redeemed",
	"jwks_uri":               "where the provider's public keys are",
	"response_type":          "a code comes back, never a token",
	"redirect_uri":           "registered with the provider, compared letter by letter",
	"scope":                  "what is asked for",
	"state":                  "random; comes back unchanged, or the sign-in ends",
	"nonce":                  "random; must stand in the ID token",
	"code_challenge":         "SHA-256 of the verifier",
	"code_challenge_method":  "PKCE; “plain” would show the verifier itself",
	"code_verifier":          "random; only its hash has travelled through the browser",
	"cookie":                 "holds all of this, sealed, for ten minutes",
	"code":                   "works once, within a minute or so, with the verifier",
	"iss":                    "must be the issuer that was asked",
	"error":                  "the provider's reason, if it is one that a specification names",
	"grant_type":             "what is being redeemed",
	"client_secret":          "proves that this site asks",
	"Authorization":          "proves who asks",
	"access_token":           "opens the provider's API",
	"id_token":               "says who signed in",
	"alg":                    "one of RS256, ES256, EdDSA",
	"kid":                    "which of the provider's keys",
	"sub":                    "who: with the issuer, this is the identity; the email is not",
	"aud":                    "must be this site's client_id",
	"azp":                    "if present, must be this site",
	"exp":                    "must be ahead, give or take a minute",
	"iat":                    "must not be ahead",
	"at_hash":                "must be the hash of the access token that came along",
	"not_shown":              "names only",
	"authorization_response_iss_parameter_supported": "true: every callback must name the issuer",
}

// outline is the shape of every sign-in, without values.
func outline() (steps []labviews.FlowStep) {
	const browser, site, provider = labviews.LaneBrowser, labviews.LaneApp, labviews.LaneProvider
	for _, o := range []struct {
		name   string
		arrows []labviews.Arrow
	}{
		{stepForm, []labviews.Arrow{{From: browser, To: site, Label: "form"}}},
		{"discovery", []labviews.Arrow{{From: site, To: provider, Label: "discovery"}}},
		{"request", []labviews.Arrow{{From: site, To: browser, Reply: true}, {From: browser, To: provider, Label: "authorization request"}}},
		{stepPerson, []labviews.Arrow{{From: provider, To: provider, Label: "you"}}},
		{"callback", []labviews.Arrow{{From: provider, To: browser, Reply: true}, {From: browser, To: site, Label: "callback"}}},
		{"token", []labviews.Arrow{{From: site, To: provider, Label: "token request"}}},
		{"keys", []labviews.Arrow{{From: site, To: provider, Label: "keys"}}},
		{"id_token", []labviews.Arrow{{From: site, To: site, Label: "ID token checks"}}},
		{"user_info", []labviews.Arrow{{From: site, To: provider, Label: "UserInfo"}}},
		{stepSession, []labviews.Arrow{{From: site, To: site, Label: "session issued"}}},
		{stepClean, []labviews.Arrow{{From: site, To: browser, Label: "a clean address", Reply: true}}},
	} {
		s := newStep(o.name)
		s.N, s.Arrows = len(steps)+1, o.arrows
		steps = append(steps, s)
	}
	return steps
}
