package handlers_test

import (
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/handlers/handlerstest"
)

// An answer to a request of Ada's arrives after Grace signed in on the same browser. It
// may sign Grace out, but it never makes the browser Ada's again.
func TestLateAnswerNeverBringsThePersonBefore(t *testing.T) {
	for _, kind := range auth.Kinds() {
		for _, leaves := range []string{"signs out", "just signs in"} {
			t.Run(kind.Name+"/"+leaves, func(t *testing.T) {
				t.Parallel()
				site := handlerstest.NewSite(t, kind.Name)
				browser := handlerstest.NewBrowser(t, site).SignIn("ada")
				site.Clock.Advance(6 * 24 * time.Hour) // so that the answer renews the session
				late := handlerstest.NewBrowser(t, site).Steal(browser)
				late.Get("/api/session")
				if kind.Name != "database" && len(late.SetCookies()) == 0 {
					t.Fatal("the late answer sets no cookie, so this shows nothing")
				}
				if leaves == "signs out" {
					browser.Post("/sign-out", nil).SignIn("grace")
				} else {
					browser.SignInAgain("grace")
				}
				for name, c := range late.SetCookies() {
					if c.MaxAge < 0 {
						delete(browser.Cookies, c.Name)
					} else {
						browser.Plant(name, c.Value)
					}
				}
				for _, path := range []string{"/api/session", "/dashboard", "/account"} {
					if browser.Get(path); strings.Contains(string(browser.Page.Body), "Ada") {
						t.Errorf("%s: the browser is Ada's again", path)
					}
				}
			})
		}
	}
}
