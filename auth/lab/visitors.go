package lab

import (
	"context"
	"time"

	"sessionlab/auth"
)

// Visitors identifies browsers by a sealed cookie, which cannot be read by scripts or
// forged. Nothing else identifies a browser.
type Visitors struct {
	seal auth.Sealer
	now  func() time.Time
}

const (
	visitorCookie = "visitor"
	visitorLife   = 30 * 24 * time.Hour // after which a browser is somebody new
)

// Visitors returns the visitors of this machine or site. Their cookie is encrypted
// whichever seal sessions use, survives a new session version, and is not recorded in
// receipts.
func (p Parts) Visitors() Visitors {
	vault := p.Vault
	vault.Format, vault.Version, vault.Memo, vault.Observe = "securecookie", func() int64 { return 1 }, nil, nil
	return Visitors{vault.Sealer(visitorCookie), p.Now}
}

// Visitors returns the visitors of the bench's site.
func (b *Bench) Visitors() Visitors { return b.parts.Visitors() }

// Of returns the id of the browser; empty if it carries no valid one.
func (v Visitors) Of(ctx context.Context, jar *auth.Jar) string {
	value, err := jar.Get(visitorCookie)
	if err != nil || value == "" {
		return ""
	}
	c, err := v.seal.Open(ctx, value)
	if err != nil || !v.now().Before(c.ExpiresAt) {
		return ""
	}
	return c.Digest
}

// Name gives the browser an id from now on.
func (v Visitors) Name(ctx context.Context, jar *auth.Jar, id string) error {
	end := v.now().Add(visitorLife)
	value, err := v.seal.Seal(ctx, auth.Claims{IssuedAt: v.now(), ExpiresAt: end, EndsAt: end, Digest: id})
	if err != nil {
		return err
	}
	return jar.Set(visitorCookie, value, visitorLife)
}

// Forget clears the visitor cookie and reports whether there was one, valid or not.
func (v Visitors) Forget(jar *auth.Jar) bool {
	value, err := jar.Get(visitorCookie)
	jar.Clear(visitorCookie)
	return value != "" || err != nil
}
