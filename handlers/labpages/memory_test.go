package labpages_test

import (
	"bytes"
	"runtime"
	"testing"

	"sessionlab/auth/lab"
	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// A thousand visitors' benches, on each of which somebody has played, take less
// than 64 MiB.
func TestPublicBenchesAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand visitors take their time")
	}
	const visitors, before = lab.MaxBenches, lab.MaxBenches / 50
	site := newPublicSite(t)
	benches := site.Extension.(*labpages.Lab).Benches
	play := func(times int) {
		for range times {
			site.Clock.Advance(lab.MaxIdle / 10000) // an address may make one every few seconds
			v := handlerstest.NewBrowser(t, site).SignIn("ada")
			for _, action := range []string{"add-phone", "steal", "sign-out", "sign-in-all", "rotate-key", "revoke-phone", "disable", "enable"} {
				v.Request("POST", "/compare/"+action, nil, "same-origin")
			}
			v.Request("GET", "/compare/state", nil, "same-origin")
		}
	}
	play(before) // what is made once is not the benches'
	began := heap(site)
	play(visitors - before)
	grown := (heap(site) - began) * visitors / (visitors - before)
	runtime.KeepAlive(benches)
	t.Logf("%d benches take %.1f MiB, %.1f KiB each", visitors, float64(grown)/(1<<20), float64(grown)/1024/float64(visitors))
	if grown > 64<<20 {
		t.Error("that is more than 64 MiB")
	}
	if got := site.Rows("benches"); got != visitors {
		t.Errorf("%d benches are stored", got)
	}
}

// heap returns the bytes in use, without the log that the test keeps.
func heap(s *handlerstest.Site) int64 {
	s.Journal.Text = bytes.Buffer{}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
