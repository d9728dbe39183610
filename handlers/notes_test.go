package handlers_test

import (
	"strings"
	"testing"

	"sessionlab/handlers/handlerstest"
	"sessionlab/notes"
)

// Somebody adds notes and deletes them, and nobody else sees them or can delete them.
func TestNotes(t *testing.T) {
	for _, strategy := range []string{"database", "epoch", "hybrid", "renew", "pair", "rotation"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			s := handlerstest.NewSite(t, strategy)
			ada, eve := handlerstest.NewBrowser(t, s).SignIn("ada"), handlerstest.NewBrowser(t, s).SignIn("linus")
			ada.Get("/dashboard").Follow(`nav a[href="/notes"]`).At("/notes", 200)
			ada.Post("/notes", handlerstest.Form("text", "<script>milk</script>")).At("/notes", 200)
			ada.Post("/notes", handlerstest.Form("text", "bread")).At("/notes", 200)
			if got := ada.Page.Find(".note").Length(); got != 2 || !strings.Contains(ada.Text(), "<script>milk</script>") {
				t.Fatalf("got %d notes: %s", got, ada.Text())
			}
			action, _ := ada.Form(`button[aria-label="Delete the note bread"]`)
			if eve.Get("/notes"); eve.Has(".note") {
				t.Error("somebody else sees them")
			}
			eve.Post(action, nil).Refused(404, "unknown_note")
			ada.Press(`button[aria-label="Delete the note bread"]`).At("/notes", 200)
			if got := ada.Page.Find(".note").Length(); got != 1 {
				t.Errorf("got %d notes, want 1", got)
			}
			for _, gone := range []string{action, "/notes/%00/delete", "/notes/%ff/delete", "/notes/" + strings.Repeat("x", 8000) + "/delete"} {
				ada.Post(gone, nil).Refused(404, "unknown_note")
			}
			handlerstest.NewBrowser(t, s).Get("/notes").At("/sign-in", 200)
		})
	}
}

// A note that is not taken is drawn again, with what is wrong with it.
func TestNotesThatAreNotTaken(t *testing.T) {
	s := handlerstest.NewSite(t, "database")
	ada := handlerstest.NewBrowser(t, s).SignIn("ada")
	for text, code := range map[string]string{
		" \n": "note_empty", strings.Repeat("x", notes.MaxText+1): "note_too_long", "a\x00b": "note_not_text",
	} {
		ada.Post("/notes", handlerstest.Form("text", text)).Flawed("/notes", 400, code)
	}
	for range notes.MaxNotes {
		ada.Post("/notes", handlerstest.Form("text", "one of many"))
	}
	ada.Post("/notes", handlerstest.Form("text", "one too many")).Flawed("/notes", 400, "too_many_notes")
	if !strings.Contains(ada.One("textarea").Text(), "one too many") {
		t.Error("what was written is lost")
	}
}
