package labpages

import (
	"fmt"
	"strings"
	"time"

	"sessionlab/auth/lab"
)

// consequences say what an ending means for a stolen copy.
var consequences = map[string]string{
	lab.EndSignOut:   "You sign out: a stolen copy works on for",
	lab.EndRevokeAll: "All devices are signed out: it works on for",
	lab.EndDisable:   "The account is disabled: it works on for",
	lab.EndRole:      "The admin role is taken away: a stolen copy keeps it for",
}

// lasts returns how long a copy worked.
func lasts(d time.Duration) string {
	if d == 0 {
		return "no time"
	}
	return exactly(d)
}

func (c candidate) readsText() string { return fmt.Sprint(c.reads) }

// bestReason explains why the first fitting strategy is recommended.
func bestReason(fit []candidate) string {
	if len(fit) == 1 {
		return "Nothing else fits what you said."
	}
	return fmt.Sprintf("Of the %d that fit what you said, a stolen copy works shortest under this one.", len(fit))
}

// afterEnding describes, for each ending, when the copy was used.
var afterEnding = map[string]string{
	lab.EndSignOut:   "after a sign-out",
	lab.EndRevokeAll: "after all devices were signed out",
	lab.EndDisable:   "after the account was disabled",
	lab.EndRole:      "as an admin who no longer is one",
}

// worse describes the first measurement in which c is worse than best.
func worse(c, best candidate) string {
	for _, ending := range lab.Endings() {
		if d := c.copied[ending]; d > best.copied[ending] {
			return fmt.Sprintf("a copy works on for %s %s; under %s %s", exactly(d), afterEnding[ending], best.Name, lasts(best.copied[ending]))
		}
	}
	if c.reads > best.reads {
		return fmt.Sprintf("table reads per request: %d; under %s %d", c.reads, best.Name, best.reads)
	}
	return "no worse in anything that was measured"
}

// record returns the decision as Markdown, to be committed next to the code.
func record(all []candidate, given map[string]answer, found lab.Exposed) string {
	fit, out := applyAnswers(all, given)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if len(fit) > 0 {
		line("# Sessions: `%s`\n", fit[0].Name)
	} else {
		line("# Sessions: nothing fits\n")
	}
	line("%s. Measured by sessionlab with %d requests, with sessions that end after %s unused and %s in all.\n",
		found.At.UTC().Format("2 January 2006"), found.Requests, exactly(found.Life.Idle), exactly(found.Life.Max))
	line("## What was asked\n")
	for _, q := range questions {
		line("- %s **%s.**", q.text, given[q.id].label)
	}
	line("\n## Decision\n")
	if len(fit) == 0 {
		line("None of the %d strategies fits all of these answers.", len(all))
		for _, w := range waysOut(all, given) {
			line("\n- Without “%s %s.” `%s` fits.", w.question.text, w.answer.label, w.then.Name)
		}
	} else {
		line("Sessions are kept by `%s`: %s. %s\n", fit[0].Name, fit[0].Summary, bestReason(fit))
		line("    SESSION_STRATEGY=%s\n", fit[0].Name)
		line("## What follows\n")
		for _, ending := range lab.Endings() {
			line("- %s **%s**.", consequences[ending], lasts(fit[0].copied[ending]))
		}
		line("- Table reads per request: **%s**.", fit[0].readsText())
	}
	if len(fit) > 1 {
		line("\n## Would fit too\n")
		for _, c := range fit[1:] {
			line("- `%s`: %s.", c.Name, worse(c, fit[0]))
		}
	}
	if len(out) > 0 {
		line("\n## Ruled out\n")
		for _, r := range out {
			line("- `%s`: %s. (%s %s.)", r.Name, r.because, r.question.text, r.answer.label)
		}
	}
	return b.String()
}
