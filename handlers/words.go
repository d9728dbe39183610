package handlers

import "sessionlab/views"

// A message explains a code to people: in a notice, with its title, or beside a form,
// without one.
type message struct{ title, text string }

// messages explain why a session, a sign-in, an account or a form was refused, by code.
// An error that rejects the whole request is a [Problem] instead.
var messages = map[string]message{
	// A session; the codes are those of auth.
	"no_session":       {"Sign in to go on", ""},
	"invalid":          {"That session is not one of ours", "It was altered, its key is gone, or what it belonged to was deleted."},
	"expired":          {"Your session has ended", "It was not used for a while, or its time was up. Sign in again to go on."},
	"revoked":          {"Your session was ended", "Somebody signed it out: you, from another device, or an administrator."},
	"version":          {"All sessions were ended", "The site raised its session version, which ends everything sealed before."},
	"reused":           {"Your session was ended", "A refresh token of it was used twice, as a thief's copy would be. To be safe, the whole session was ended."},
	"signed_out":       {"You are signed out", "This browser has forgotten your session, and a late answer does not bring it back."},
	"not_confirmable":  {"A token is not enough here", "This needs a look at the session itself, and a token under this strategy names none. Use the site in a browser."},
	"disabled":         {"This account is disabled", "An administrator has closed it. Nothing was deleted."},
	"password_reset":   {"Your password is set", "Sign in with it now."},
	"address_proven":   {"Your address is confirmed", "What somebody set up before with this address was removed. Have a sign-in link emailed to you, then set a password."},
	"address_verified": {"Your address is confirmed", "Nothing else was changed."},
	"deleted":          {"Your account is deleted", "Everything stored about it is gone. You are signed out everywhere that could be reached."},

	// A sign-in with a provider; the codes are those of oauth, and the words are never
	// the provider's.
	"flow_invalid":           {"That sign-in cannot be finished", "It was finished before, or it was started in another browser. Start again here."},
	"flow_expired":           {"That took too long", "A sign-in must be finished within ten minutes. Start again."},
	"flow_cookie_missing":    {"Your browser kept no cookie for the sign-in", "Older versions of Safari refuse secure cookies on http://localhost. Use Chrome or Firefox here, or start the sign-in again."},
	"cancelled":              {"You cancelled", "Nothing was changed."},
	"another_person":         {"That was somebody else", "The sign-in that you confirmed belongs to another account. This browser is still signed in as before."},
	"provider_error":         {"The provider did not let you in", "It refused, or its answer could not be read. Try again, or use another one."},
	"provider_unavailable":   {"The provider does not answer", "Try again in a minute, or use another one."},
	"provider_misconfigured": {"This provider is not set up correctly here", "Trying again does not help. Use another one, or tell the people who run this site: their log says what is wrong."},
	"identity_invalid":       {"We could not verify the provider’s answer", "Its answer was not meant for this sign-in, so it was rejected. Start again."},

	// An account to be linked.
	"account_taken":        {"That account belongs to somebody else here", "If that is you too, sign in with it, unlink it or delete that account, and come back."},
	"provider_linked":      {"You have an account of that provider", "Unlink it first, then link the other one."},
	"link_session_changed": {"Not linked", "You signed out, or signed in as somebody else, after you began. Sign in and begin again."},

	// A form.
	"email_invalid":              {"", "That is not an email address."},
	"email_taken":                {"", "Somebody has a password for this email here already. If that is you, sign in with it instead."},
	"credentials_wrong":          {"", "That email and password do not belong together."},
	"password_wrong":             {"", "That is not your current password."},
	"password_short":             {"", "A password needs at least 15 characters. A few words that only you would put together are good."},
	"password_long":              {"", "A password may have at most 256 bytes."},
	"password_common":            {"", "That is easy to guess: it is made of common words, neighboring keys, number sequences or repetition, and digits or symbols in between do not help. A few words that only you would put together are good."},
	"password_personal":          {"", "That is mostly your name, your email or this site's name. Add a few words that nobody would expect."},
	"link_changed":               {"", "You signed in or out meanwhile. Read this page again, then go on."},
	"note_empty":                 {"", "A note needs some text."},
	"note_too_long":              {"", "A note may have at most 500 characters."},
	"note_not_text":              {"", "That is not text."},
	"too_many_notes":             {"", "You have 100 notes, and that is all there is room for. Delete one first."},
	"password_requires_an_email": {"", "A password goes with an email, and your account has none."},
}

// notice returns a notice of a kind with the message of a code, nil if the code has none
// or is about a form.
func notice(kind, code string) *views.Notice {
	m := messages[code]
	if m.title == "" {
		return nil
	}
	return &views.Notice{Kind: kind, Title: m.title + ".", Text: m.text}
}

// flawIn returns the message of a code about a form.
func flawIn(code string) views.Flaw {
	return views.Flaw{Code: code, Text: messages[code].text}
}
