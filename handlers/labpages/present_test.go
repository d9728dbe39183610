package labpages_test

import (
	"strings"
	"testing"

	"sessionlab/handlers/handlerstest"
)

// The presentation shows the matrix, one question and one button, and no more: who
// looks on learns neither an address nor a token. It needs no script.
func TestPresentation(t *testing.T) {
	t.Parallel()
	ada := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare")).SignIn("ada")
	ada.Get("/compare?show=all").Get("/compare")
	ada.Follow("#present").At("/compare", 200)
	if n := ada.Page.Find("#lab .strategy").Length(); n != 7 {
		t.Errorf("it shows %d columns, want those that were asked for", n)
	}
	for _, want := range []string{
		"You are signed in 7 ways.", "A thief can use all 7 sessions, with a copy of your cookies.", "You signed out. The thief is still in under 6 of 7.",
		"You signed out. The thief is still in under 5 of 7.", "You signed out. The thief is still in under 4 of 7.",
		"You are out, and so is the thief.", "Nobody is signed in.", "You are signed in 7 ways.",
	} {
		if got := ada.One("#headline").Text(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if ada.Page.Find("html[data-theme=light] body.bare").Length() != 1 || ada.Has("header, footer, nav, #story") || ada.Page.Find("#lab button, #lab a").Length() > 3 {
			t.Errorf("there is more to see:\n%s", ada.Text())
		}
		shown := ada.Page.Body
		if strings.Contains(shown, "ada@example.com") {
			t.Error("there is an address to be seen")
		}
		for name, c := range ada.Cookies {
			if len(c.Value) > 20 && strings.Contains(shown, c.Value) {
				t.Errorf("%s is to be seen", name)
			}
		}
		ada.Press("#demo-next")
	}
	if ada.Follow("#demo-leave"); ada.Page.URL.String() != handlerstest.LocalURL+"/compare?show=all" || !ada.Has("header") {
		t.Errorf("left to %s", ada.Page.URL)
	}
}

// What is shown is remembered; what cannot be shown is not.
func TestShowIsRemembered(t *testing.T) {
	t.Parallel()
	b := handlerstest.NewBrowser(t, handlerstest.NewSite(t, "compare"))
	columns := func(path string) int { return b.Get(path).Page.Find("#lab thead .strategy").Length() }
	for _, visit := range []struct {
		path string
		want int
	}{
		{"/compare", 2}, {"/compare?show=between", 4}, {"/compare", 4}, {"/compare?show=nonsense", 2}, {"/compare", 4},
		{"/compare?show=all", 7}, {"/compare?demo=stolen-cookie", 0}, {"/compare", 7}, {"/compare?show=basics", 2}, {"/compare", 2},
	} {
		if got := columns(visit.path); got != visit.want {
			t.Errorf("%s shows %d columns, want %d", visit.path, got, visit.want)
		}
	}
}
