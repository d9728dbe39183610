package labpages_test

import (
	"slices"
	"time"

	"sessionlab/handlers/handlerstest"
)

// The model of what the seven strategies promise, as their table says it. It
// shares no code with them: a session is a few fields here, and a rule a few
// lines.

const (
	idle, absolute = 7 * handlerstest.Day, 30 * handlerstest.Day
	rest           = idle / 5 // what is left of idle when a session slides
	snapshot       = 5 * time.Minute
	short          = 10 * time.Minute // renew
	access         = 15 * time.Minute
	late           = 31 * time.Second // how far the clock moves for a spent refresh token
)

var strategies = []string{"cookie", "database", "epoch", "hybrid", "renew", "pair", "rotation"}

// A seal is a sealed value: with which key and version, until when, saying what.
type seal struct {
	key, version int
	exp, end     time.Time
	role         string
	epoch        int
}

// A row is a session that the server remembers.
type row struct {
	expires, ends time.Time
	ended         bool
}

// A ticket is a refresh token of rotation.
type ticket struct {
	family  *row
	expires time.Time
	used    time.Time // or retried
	retried bool
	dead    bool
	next    *ticket
	sealed  seal // with what the successor was sealed
}

// A held is what a client carries under one strategy.
type held struct {
	access  *seal
	refresh *seal   // pair
	row     *row    // database, hybrid
	ticket  *ticket // rotation
}

// A told is a verdict with its reason and role.
type told struct{ verdict, reason, role string }

type person struct {
	holds    map[string]held
	told     map[string]told
	stubborn bool
}

type model struct {
	began, now     time.Time
	version        int
	oldest, newest int
	down, disabled bool
	role           string
	epoch          int
	people         map[string]*person
}

func newModel(now time.Time) *model {
	m := &model{began: now, version: 1}
	m.reset()
	return m
}

func (m *model) reset() {
	m.now, m.down, m.disabled, m.role = m.began, false, false, "member"
	m.version, m.oldest, m.newest = m.version+1, m.newest+1, m.newest+1 // nothing from before opens
	m.people = map[string]*person{"you": {holds: map[string]held{}, told: map[string]told{}}}
}

func (m *model) seal(life time.Duration, end time.Time) *seal {
	return &seal{m.newest, m.version, earliest(m.now.Add(life), end), end, m.role, m.epoch}
}

// opens returns why a sealed value does not, or nothing.
func (m *model) opens(s *seal) string {
	switch {
	case s.key < m.oldest || s.key > m.newest:
		return "invalid"
	case s.version != m.version:
		return "version"
	}
	return ""
}

func (m *model) over(end time.Time) bool { return !m.now.Before(end) }

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// signIn gives somebody a session under every strategy and ends those they bring.
func (m *model) signIn(p *person) {
	m.end(p)
	end := m.now.Add(absolute)
	newRow := func() *row { return &row{expires: m.now.Add(idle), ends: end} }
	family := newRow()
	p.told = map[string]told{}
	p.holds = map[string]held{
		"cookie": {access: m.seal(idle, end)}, "epoch": {access: m.seal(idle, end)}, "renew": {access: m.seal(short, end)},
		"database": {row: newRow()}, "hybrid": {row: newRow(), access: m.seal(snapshot, end)},
		"pair":     {access: m.seal(access, end), refresh: m.seal(idle, end)},
		"rotation": {access: m.seal(access, end), ticket: &ticket{family: family, expires: family.expires}},
	}
}

// end ends what the server remembers of somebody's sessions, whether they sign out or
// are signed out from elsewhere.
func (m *model) end(p *person) {
	for _, h := range p.holds {
		for _, r := range []*row{h.row, h.family()} {
			if r != nil {
				r.ended = true
			}
		}
	}
}

func (h held) family() *row {
	if h.ticket == nil {
		return nil
	}
	return h.ticket.family
}

// round lets everybody ask, and reports whether anybody is in.
func (m *model) round() (anybody bool) {
	spent := map[*ticket]bool{}
	for _, name := range []string{"you", "phone", "thief"} {
		p := m.people[name]
		if p == nil {
			continue
		}
		for _, strategy := range strategies {
			before := p.holds[strategy]
			if name == "thief" && before.ticket != nil && spent[before.ticket] {
				m.now = m.now.Add(late)
			}
			answer := m.ask(p, strategy)
			if after := p.holds[strategy].ticket; before.ticket != nil && after != nil && after != before.ticket {
				spent[before.ticket] = true
			}
			p.told[strategy] = answer.after(p.told[strategy])
			anybody = anybody || answer.verdict == "signed_in"
		}
	}
	return anybody
}

// after returns what is shown of an answer: a refusal stays when its cookie is gone.
func (t told) after(before told) told {
	switch {
	case t.reason == "no_session" && (before.verdict == "" || before.verdict == "none"):
		return told{verdict: "none"}
	case t.reason == "no_session" && before.verdict == "refused", t.reason == "revoked" && before.reason == "reused":
		return before
	}
	return t
}

// ask asks under one strategy and lets p keep what the answer brings.
func (m *model) ask(p *person, strategy string) told {
	h := p.holds[strategy]
	if h == (held{}) {
		return told{"refused", "no_session", ""}
	}
	rules := map[string]func(*held) (role, refused string){
		"cookie": m.cookie, "epoch": m.perUser, "renew": m.renew, "database": m.database, "hybrid": m.hybrid, "pair": m.pair, "rotation": m.rotation,
	}
	role, refused := rules[strategy](&h)
	switch {
	case refused == "fault":
		return told{"fault", "store_unavailable", ""}
	case refused == "":
		p.holds[strategy] = h
		return told{"signed_in", "", role}
	case refused != "disabled" && !p.stubborn:
		delete(p.holds, strategy)
	}
	return told{"refused", refused, ""}
}

// slides reports whether a session that ends at exp if unused is due for a new end.
func (m *model) slides(exp, end time.Time) bool {
	return exp.Before(end) && m.over(exp.Add(-rest))
}

func (m *model) cookie(h *held) (role, refused string) {
	if why := m.opens(h.access); why != "" {
		return "", why
	}
	if m.over(h.access.exp) {
		return "", "expired"
	}
	role = h.access.role // as it was at the sign-in, for good
	if m.slides(h.access.exp, h.access.end) {
		h.access = m.seal(idle, h.access.end)
		h.access.role = role
	}
	return role, ""
}

func (m *model) perUser(h *held) (role, refused string) {
	epoch := h.access.epoch
	if _, why := m.cookie(h); why != "" {
		return "", why
	}
	h.access.epoch = epoch
	switch {
	case m.down:
		return "", "fault"
	case m.disabled:
		return "", "disabled"
	case epoch != m.epoch:
		return "", "revoked"
	}
	return m.role, ""
}

func (m *model) database(h *held) (role, refused string) {
	switch {
	case m.down:
		return "", "fault"
	case h.row.ended:
		return "", "revoked"
	case m.over(h.row.expires), m.over(h.row.ends):
		return "", "expired"
	case m.disabled:
		return "", "disabled"
	}
	if m.slides(h.row.expires, h.row.ends) {
		h.row.expires = earliest(m.now.Add(idle), h.row.ends)
	}
	return m.role, ""
}

func (m *model) hybrid(h *held) (role, refused string) {
	if m.opens(h.access) == "" && !m.over(h.access.exp) {
		return h.access.role, ""
	}
	if role, refused = m.database(h); refused == "" {
		h.access = m.seal(snapshot, h.row.expires)
	}
	return role, refused
}

func (m *model) renew(h *held) (role, refused string) {
	why := m.opens(h.access)
	switch {
	case why != "":
		return "", why
	case m.over(h.access.end):
		return "", "expired"
	case !m.over(h.access.exp):
		return h.access.role, ""
	case m.down:
		return "", "fault"
	case m.disabled:
		return "", "disabled"
	}
	h.access = m.seal(short, h.access.end)
	return m.role, ""
}

func (m *model) pair(h *held) (role, refused string) {
	if m.opens(h.access) == "" && !m.over(h.access.exp) {
		return h.access.role, ""
	}
	why := m.opens(h.refresh)
	switch {
	case why != "":
		return "", why
	case m.over(h.refresh.exp):
		return "", "expired"
	case m.down:
		return "", "fault"
	case m.disabled:
		return "", "disabled"
	}
	h.refresh = m.seal(idle, h.refresh.end)
	h.access = m.seal(access, h.refresh.exp)
	return m.role, ""
}

func (m *model) rotation(h *held) (role, refused string) {
	if m.opens(h.access) == "" && !m.over(h.access.exp) {
		return h.access.role, ""
	}
	t := h.ticket
	f := t.family
	unused, alive := t.used.IsZero() && !t.dead, !f.ended && !m.over(f.expires) && !m.over(f.ends) && !m.disabled
	within := m.now.Before(t.used.Add(late - time.Second))
	switch {
	case m.down:
		return "", "fault"
	case unused && alive && !m.over(t.expires):
		f.expires = earliest(m.now.Add(idle), f.ends)
		t.used, t.next, t.sealed = m.now, &ticket{family: f, expires: f.expires}, *m.seal(idle, f.ends)
	case !unused && !t.dead && !within && alive && !m.over(t.expires) && !t.retried && t.next.used.IsZero() && !t.next.dead:
		t.next.dead = true
		t.used, t.retried, t.next, t.sealed = m.now, true, &ticket{family: f, expires: t.next.expires}, *m.seal(idle, f.ends)
	case !unused && (t.dead || !within) && !f.ended && !m.disabled:
		f.ended = true
		return "", "reused"
	case f.ended:
		return "", "revoked"
	case m.over(f.expires), unused && m.over(t.expires):
		return "", "expired"
	case m.disabled:
		return "", "disabled"
	case m.opens(&t.sealed) != "":
		return "", "fault" // the successor can no longer be read
	}
	h.ticket, h.access = t.next, m.seal(access, t.next.expires)
	return m.role, ""
}

// steal copies what you carry.
func (m *model) steal() bool {
	you := m.people["you"]
	if len(you.holds) == 0 {
		return false
	}
	loot := map[string]held{}
	for _, strategy := range strategies {
		if h, ok := you.holds[strategy]; ok {
			loot[strategy] = h
		}
	}
	m.people["thief"] = &person{holds: loot, told: map[string]told{}, stubborn: true}
	return true
}

func (m *model) advance(d time.Duration, daily bool) {
	to := m.now.Add(d)
	if daily {
		moved := time.Duration(0)
		for left := d; left > handlerstest.Day; left -= handlerstest.Day {
			m.now = m.now.Add(handlerstest.Day)
			before := m.now
			in := m.round()
			moved += m.now.Sub(before)
			if !in {
				break
			}
		}
		to = to.Add(moved)
	}
	m.now = to
}

// clients are the names of those who are there.
func (m *model) clients() []string {
	var names []string
	for name := range m.people {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
