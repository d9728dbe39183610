package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sessionlab/auth"
)

// What a verdict says.
const (
	SignedIn = "signed_in"
	Refused  = "refused"
	Fault    = "fault" // a 503: nothing was learned
	None     = "none"  // never signed in since the bench began
)

// A Verdict is the site's answer to one client under one strategy.
type Verdict struct {
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason,omitempty"`
	Role    string    `json:"role,omitempty"`
	Since   time.Time `json:"since,omitzero"`  // the sign-in
	Until   time.Time `json:"until,omitzero"`  // the idle end
	EndsAt  time.Time `json:"endsAt,omitzero"` // the absolute end
	Receipt Receipt   `json:"receipt"`

	User    auth.User `json:"-"` // name and picture
	CheckAt time.Time `json:"-"` // when its tokens are next replaced
	Changed bool      `json:"-"` // since it was last shown
	Was     string    `json:"-"` // the verdict that was shown then
	WasRole string    `json:"-"` // and its role
	StillIn bool      `json:"-"` // in, though its session should have ended
}

// A Receipt is what the request behind a verdict cost.
type Receipt struct {
	CookieIn  int         `json:"cookieBytes"`
	CookieOut int         `json:"setCookieBytes"`
	Reads     int         `json:"reads"`
	Writes    int         `json:"writes"`
	Micros    int64       `json:"micros"`
	Steps     []auth.Step `json:"-"`
}

// answer is one response of the site.
type answer struct {
	status  int
	body    bytes.Buffer
	header  http.Header
	receipt Receipt
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// request makes one request through the whole site with the cookies of w, and
// lets w take what the response sets.
func (b *Bench) request(ctx context.Context, w *Wallet, method, path string) (*answer, error) {
	receipt := &auth.Receipt{}
	r, err := http.NewRequestWithContext(auth.WithReceipt(b.within(ctx), receipt), method, path, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Host, r.RequestURI, r.RemoteAddr = b.Host, path, "127.0.0.1:0"
	cookies := w.header()
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	a := &answer{status: http.StatusOK, header: http.Header{}}
	began := b.parts.Now()
	b.Site.ServeHTTP(a, r)
	a.receipt = Receipt{
		CookieIn: len(cookies), CookieOut: w.take(a.header),
		Reads: receipt.Count("read"), Writes: receipt.Count("write"),
		Micros: b.parts.Now().Sub(began).Microseconds(), Steps: receipt.Steps(),
	}
	return a, nil
}

// ask asks the site who w is under a strategy.
func (b *Bench) ask(ctx context.Context, w *Wallet, strategy string) (Verdict, error) {
	a, err := b.request(ctx, w, http.MethodGet, "/api/session?strategy="+strategy)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Receipt: a.receipt}
	var said struct {
		Code    string
		Session struct{ IssuedAt, RenewAt, ExpiresAt, EndsAt time.Time }
		User    struct{ ID, Name, Picture, Role string }
		Receipt struct{ Reads, Writes int }
	}
	if err := json.Unmarshal(a.body.Bytes(), &said); err != nil {
		return Verdict{}, err
	}
	switch {
	case a.status == http.StatusOK:
		v.Verdict, v.Role = SignedIn, said.User.Role
		v.Since, v.Until, v.EndsAt = said.Session.IssuedAt, said.Session.ExpiresAt, said.Session.EndsAt
		v.CheckAt = said.Session.RenewAt
		v.User = auth.User{ID: said.User.ID, Name: said.User.Name, Picture: said.User.Picture}
		v.Receipt.Reads, v.Receipt.Writes = said.Receipt.Reads, said.Receipt.Writes // without the extra reads
	case a.status == http.StatusUnauthorized:
		v.Verdict, v.Reason = Refused, said.Code
	case a.status == http.StatusServiceUnavailable:
		v.Verdict, v.Reason = Fault, said.Code
	default:
		return Verdict{}, fmt.Errorf("the site answered %d %s", a.status, said.Code)
	}
	return v, nil
}

// follow returns the verdict to show after before: a refusal remains although its cookie
// has been cleared, and a client that was never signed in is not shown as signed out.
func (v Verdict) follow(before glimpse) Verdict {
	switch {
	case v.Reason == "no_session" && (before.verdict == "" || before.verdict == None):
		v.Verdict, v.Reason = None, ""
	case v.Reason == "no_session" && before.verdict == Refused:
		v.Reason = before.reason
	case v.Reason == "revoked" && before.reason == "reused":
		v.Reason = before.reason // which is what ended it
	}
	return v
}
