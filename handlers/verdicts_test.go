package handlers_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// verdicts are who is in under the basics, as GET /compare/state tells it.
func (b *browser) verdicts() map[string]string {
	b.Helper()
	told := b.allVerdicts()
	maps.DeleteFunc(told, func(who, _ string) bool {
		return !strings.HasSuffix(who, " cookie") && !strings.HasSuffix(who, " database")
	})
	return told
}

func (b *browser) allVerdicts() map[string]string {
	b.Helper()
	_, state := b.api(http.MethodGet, "/compare/state")
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

// cells are the same as the page shows it.
func (b *browser) cells() map[string]string {
	b.Helper()
	shown := map[string]string{}
	for _, client := range []string{"you", "thief"} {
		for _, strategy := range []string{"cookie", "database"} {
			for _, class := range []string{"is-none", "is-in", "is-out", "is-fault", "still"} {
				if b.has("#cell-" + client + "-" + strategy + "." + class) {
					shown[client+" "+strategy] = class
				}
			}
		}
	}
	return shown
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
