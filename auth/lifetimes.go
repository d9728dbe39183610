package auth

import "time"

// Lifetimes holds the session time limits (ASVS 7.3.1 and 7.3.2): Idle without activity,
// Max after the sign-in whatever happens.
type Lifetimes struct {
	Idle      time.Duration // 168 h by default
	Max       time.Duration // 720 h by default; at least Idle
	RefreshAt float64       // share of Idle after which a session slides, 0 < x < 1; 0.8 by default

	Hybrid time.Duration // a snapshot; 5 min by default
	Access time.Duration // an access token; 15 min by default
	Renew  time.Duration // a token that is silently renewed; 10 min by default
	Grace  time.Duration // how long a used refresh token still returns the same successor; 30 s by default
}

// maxUnremembered is the longest life of a session when the person did not ask to
// be remembered: some browsers restore "session" cookies for weeks.
const maxUnremembered = 24 * time.Hour

// begin sets the times of a session that starts now. Times are whole
// milliseconds, because that is what every seal and every table can hold.
func (l Lifetimes) begin(s Session, now time.Time) Session {
	now = now.UTC().Truncate(time.Millisecond)
	s.IssuedAt, s.EndsAt = now, now.Add(l.Max)
	if !s.Remember && l.Max > maxUnremembered {
		s.EndsAt = now.Add(maxUnremembered)
	}
	return l.slide(s, now)
}

// slide moves the idle end away from now, never past the absolute end.
func (l Lifetimes) slide(s Session, now time.Time) Session {
	return l.until(s, now.UTC().Truncate(time.Millisecond).Add(l.Idle))
}

// until sets the idle end, and from it when to slide next: never again once the
// idle end has met the absolute one, so that an ageing session does not get a
// new cookie on every request.
func (l Lifetimes) until(s Session, expires time.Time) Session {
	s.ExpiresAt, s.RenewAt = expires, expires.Add(-l.rest())
	if !expires.Before(s.EndsAt) {
		s.ExpiresAt, s.RenewAt = s.EndsAt, s.EndsAt
	}
	return s
}

// rest returns the part of the idle lifetime that is left when a session slides.
func (l Lifetimes) rest() time.Duration {
	return l.Idle - time.Duration(l.RefreshAt*float64(l.Idle))
}

// over reports whether now is at or after end.
func over(end, now time.Time) bool { return !now.Before(end) }

// tokenUntil returns a token that the browser keeps until end, or until it closes if the
// session is not to be remembered.
func (s Session) tokenUntil(value string, end time.Time) Token {
	if !s.Remember {
		return Token{Value: value}
	}
	return Token{Value: value, Expires: end}
}
