package labpages_test

import (
	"maps"
	"net/http"
	"strings"

	"sessionlab/handlers/handlerstest"
)

// verdicts returns who is in under the basics, by GET /compare/state.
func verdicts(b *handlerstest.Browser) map[string]string {
	b.Helper()
	told := allVerdicts(b)
	maps.DeleteFunc(told, func(who, _ string) bool {
		return !strings.HasSuffix(who, " cookie") && !strings.HasSuffix(who, " database")
	})
	return told
}

func allVerdicts(b *handlerstest.Browser) map[string]string {
	b.Helper()
	_, state := b.API(http.MethodGet, "/compare/state")
	told := map[string]string{}
	for client, answers := range state["clients"].(map[string]any) {
		for strategy, answer := range answers.(map[string]any) {
			verdict := answer.(map[string]any)
			told[client+" "+strategy] = verdict["verdict"].(string)
			if reason, ok := verdict["reason"].(string); ok {
				told[client+" "+strategy] += " " + reason
			}
		}
	}
	return told
}

// shownCells are the same as the page shows it.
func shownCells(b *handlerstest.Browser) map[string]string {
	b.Helper()
	shown := map[string]string{}
	for _, client := range []string{"you", "thief"} {
		for _, strategy := range []string{"cookie", "database"} {
			for _, class := range []string{"is-none", "is-in", "is-out", "is-fault", "still"} {
				if b.Has("#cell-" + client + "-" + strategy + "." + class) {
					shown[client+" "+strategy] = class
				}
			}
		}
	}
	return shown
}
