package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
	"sessionlab/handlers/handlerstest"
)

// userID returns the id of somebody who has signed in.
func userID(t *testing.T, s *handlerstest.Site, email string) string {
	t.Helper()
	list, err := db.Administration{DB: s.DB}.Members(t.Context(), auth.MemberQuery{Email: email, Limit: 2})
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: got %d users, %v, want 1", email, len(list), err)
	}
	return list[0].ID
}

// promoted signs somebody in who is an administrator.
func promoted(t *testing.T, s *handlerstest.Site, name string) *handlerstest.Browser {
	t.Helper()
	handlerstest.NewBrowser(t, s).SignIn(name)
	s.SetRole(userID(t, s, name+"@example.com"), auth.RoleAdmin)
	return handlerstest.NewBrowser(t, s).SignIn(name)
}

// An administrator finds a user, disables and enables them, ends their sessions, makes them
// an administrator and back, and deletes them. Each act is logged with who did it.
func TestAdministration(t *testing.T) {
	for _, strategy := range []string{"database", "epoch", "hybrid", "renew", "pair", "rotation"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			s := handlerstest.NewSite(t, strategy)
			linus := handlerstest.NewBrowser(t, s).SignIn("linus")
			ada := promoted(t, s, "ada")
			page := "/admin/users/" + userID(t, s, "linus@example.com")

			ada.Get("/dashboard").Follow(`nav a[href="/admin/users"]`).At("/admin/users", 200)
			ada.Get("/admin/users?search=LINUS").Follow(`a[href="`+page+`"]`).At(page, 200)
			ada.Press("#disable").At(page, 200)
			if !ada.Has("#enable") || ada.Has("#disable") {
				t.Error("the page does not know that the user is disabled")
			}
			handlerstest.NewBrowser(t, s).Get("/sign-in").Press("#sign-in-dev").Press("button[value=linus]").Told("disabled")
			s.Clock.Advance(16 * time.Minute) // longer than any window
			linus.WantsAPI("GET", "/api/session", 401, "")
			ada = handlerstest.NewBrowser(t, s).SignIn("ada")
			ada.Get(page).Press("#enable").At(page, 200)
			linus = handlerstest.NewBrowser(t, s).SignIn("linus")

			if ada.Has("#revoke") {
				ada.Press("#revoke").At(page, 200)
				s.Clock.Advance(16 * time.Minute)
				linus.WantsAPI("GET", "/api/session", 401, "")
				ada = handlerstest.NewBrowser(t, s).SignIn("ada")
			}
			ada.Get(page).Press("#promote").At(page, 200)
			linus = handlerstest.NewBrowser(t, s).SignIn("linus")
			linus.Get("/admin/users").At("/admin/users", 200)
			ada.Get(page).Press("#demote").At(page, 200)
			linus.Get("/admin/users").Refused(403, "role_required")

			ada.Get(page).Press("#delete-user").At("/admin/users", 200)
			ada.Get(page).Refused(404, "unknown_user")
			for _, act := range []string{"disable", "enable", "role", "delete"} {
				if !strings.Contains(s.Journal.String(), `"act":"`+act+`","by":"`+userID(t, s, "ada@example.com")+`"`) {
					t.Errorf("%s is not logged with who did it", act)
				}
			}
		})
	}
}

// Nobody but an administrator with a fresh and confirmed session changes anything, and the
// last one stays.
func TestAdministrationIsGuarded(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	linus := handlerstest.NewBrowser(t, s).SignIn("linus")
	ada := promoted(t, s, "ada")
	adas, linuss := "/admin/users/"+userID(t, s, "ada@example.com"), "/admin/users/"+userID(t, s, "linus@example.com")
	admins := func() int {
		list, err := db.Administration{DB: s.DB}.Members(t.Context(), auth.MemberQuery{Role: auth.RoleAdmin, Limit: 9})
		handlerstest.Must(t, err)
		return len(list)
	}

	handlerstest.NewBrowser(t, s).Get("/admin/users").At("/sign-in", 200)
	linus.Get("/admin/users").Refused(403, "role_required")
	linus.Get(adas).Refused(403, "role_required")
	if linus.Get("/dashboard").Has(`nav a[href="/admin/users"]`) {
		t.Error("a member is led to the users")
	}
	for _, act := range []string{"role", "disable", "enable", "revoke", "delete"} {
		linus.Visit("POST", adas+"/"+act, handlerstest.Form("role", "member"), "same-origin")
		linus.Refused(403, "role_required")
		ada.Visit("POST", "/admin/users/nobody/"+act, handlerstest.Form("role", "admin"), "same-origin")
		ada.Refused(404, "unknown_user")
	}
	for _, press := range []string{"#demote", "#disable", "#delete-user"} {
		ada.Get(adas).Press(press).Refused(409, "last_admin")
	}
	ada.Visit("POST", linuss+"/role", handlerstest.Form("role", "owner"), "same-origin")
	ada.Refused(400, "unknown_role")
	ada.Get("/admin/users?after=x&joined=yesterday").Refused(400, "bad_form")

	for _, odd := range []string{"%ff", "%00", "%25", "%5c", strings.Repeat("x", 8000)} { // not text, or a pattern
		if ada.Get("/admin/users?search="+odd).At("/admin/users", 200); ada.Has(".users a") {
			t.Errorf("a search for %.10s finds somebody", odd)
		}
	}
	for _, id := range []string{"%ff", "%00", strings.Repeat("x", 8000)} {
		ada.Get("/admin/users/"+id).Refused(404, "unknown_user")
		ada.Visit("POST", "/admin/users/"+id+"/disable", handlerstest.Form(), "same-origin")
		ada.Refused(404, "unknown_user")
	}

	s.Clock.Advance(11 * time.Minute)
	ada.Get(linuss).Press("#promote")
	if ada.Page.Status != http.StatusForbidden || !strings.Contains(ada.Text(), "Confirm that it is you") {
		t.Errorf("an old sign-in: got %d: %s", ada.Page.Status, ada.Text())
	}
	ada.Press("#confirm-dev").Press("button[value=ada]").At(linuss, 200)
	if n := admins(); n != 1 {
		t.Fatalf("got %d administrators, want 1", n)
	}
	ada.Press("#promote").At(linuss, 200)
	if n := admins(); n != 2 {
		t.Fatalf("got %d administrators, want 2", n)
	}
	s.SetRole(strings.TrimPrefix(adas, "/admin/users/"), auth.RoleMember)
	ada.Get(linuss).Refused(403, "role_required") // the role of this moment counts
	ada.Visit("POST", linuss+"/delete", handlerstest.Form(), "same-origin")
	ada.Refused(403, "role_required")
}

// Pages of users do not overlap, and an end is reached.
func TestUsersArePaged(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	for i := range 120 {
		_, err := s.DB.SignIn(t.Context(), auth.Identity{Provider: "dev", Issuer: "i", Subject: string(rune('a'+i%26)) + string(rune('a'+i/26)), Name: "Crowd"})
		handlerstest.Must(t, err)
		s.Clock.Advance(time.Duration(i%2) * time.Second) // some join at the same moment
	}
	ada := promoted(t, s, "ada").Get("/admin/users")
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		for _, link := range ada.Page.Find(".users a").EachIter() {
			href, _ := link.Attr("href")
			if seen[href] {
				t.Errorf("%s is on two pages", href)
			}
			seen[href] = true
		}
		if !ada.Has("#next") {
			if pages != 3 || len(seen) != 121 {
				t.Errorf("got %d users on %d pages, want 121 on 3", len(seen), pages)
			}
			return
		}
		ada.Follow("#next")
	}
}
