package views

import "strings"

// Title is the heading of the page.
func (m AskLink) Title() string {
	if m.Purpose == "reset" {
		return "Reset your password"
	}
	return "Sign in by email"
}

func (m AskLink) lead() string {
	if m.Purpose == "reset" {
		return "We send you a link with which you can set a new password."
	}
	return "We send you a link that signs you in, if you have signed up here with this email."
}

func (m AskLink) condition() string {
	if m.Purpose == "reset" {
		return "has a password here"
	}
	return "has an account here"
}

// Title is the heading of the page.
func (m OpenLink) Title() string {
	switch m.Purpose {
	case "reset":
		return "Set a new password"
	case "sign-in":
		return "Sign in by email"
	}
	return "Confirm your email address"
}

func (m OpenLink) lead() string {
	switch m.Purpose {
	case "reset":
		return "Choose a new password for"
	case "sign-in":
		return "This link signs you in as"
	}
	return "This confirms that you read the mail of"
}

func (m OpenLink) removed() string {
	if m.Purpose == "reset" {
		return "So this also removes the other ways to sign in to it."
	}
	return "So this removes its password and every other way to sign in to it; you can set new ones afterwards. If you made the account, sign in first, in this browser, and open the link again."
}

func (m OpenLink) button() string {
	switch m.Purpose {
	case "reset":
		return "Set the password"
	case "sign-in":
		return "Sign in"
	}
	return "Confirm the address"
}

// LinkMail returns the subject and the text of the mail with a link.
func LinkMail(purpose, link string) (subject, text string) {
	what := "confirm your email address"
	subject = "Confirm your email address"
	switch purpose {
	case "reset":
		subject, what = "Reset your password", "set a new password"
	case "sign-in":
		subject, what = "Your sign-in link", "sign in"
	}
	return subject + " · " + Brand, "Open this link to " + what + ":\n\n" + link +
		"\n\nIt works for 15 minutes, once. If you did not ask for it, ignore this mail: nothing changes.\n"
}

// LinkIn returns the line of a mail that is a link; "" if there is none.
func LinkIn(text string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "http://") || strings.HasPrefix(line, "https://") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
