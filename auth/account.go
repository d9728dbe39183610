package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// An Account is one way in which a user can prove who they are: at a provider, or
// with a password.
type Account struct {
	Provider string // "google", …, or [PasswordProvider]
	Issuer   string
	Subject  string
	Email    string
	LinkedAt time.Time
	Sealed   string // the provider's tokens, for [AccountKeeper]; empty if none are kept

	EmailVerified bool
	HasPassword   bool // with [PasswordProvider]: false once the proof of the address removed the password
}

// Errors about accounts.
var (
	// ErrTaken means that the account already belongs to another user.
	ErrTaken = errors.New("account belongs to another user")
	// ErrLinked says that the user has another account of that provider.
	ErrLinked = errors.New("user has an account of that provider")
	// ErrLastAccount says that without this account the user could not sign in.
	ErrLastAccount = errors.New("last account of the user")
)

// AccountTokens are a provider's tokens, with which the site can act on the user's
// behalf. Printing or logging them reveals no token.
type AccountTokens struct {
	Provider string    `json:"provider"`
	Access   string    `json:"access"`
	Refresh  string    `json:"refresh,omitempty"`
	Expires  time.Time `json:"expires,omitzero"` // of Access; zero if the provider did not say
	Scopes   []string  `json:"scopes,omitempty"` // granted
}

// String names the provider.
func (t AccountTokens) String() string { return "tokens of " + t.Provider }

// GoString is String, so that no way of printing shows a token.
func (t AccountTokens) GoString() string { return t.String() }

// The purposes of an [AccountKeeper]'s sealers.
const (
	AccountPurpose    = "account"
	AccountRowPurpose = "account-row"
)

// AccountCookie names the cookie of the provider's tokens, without the prefix.
const AccountCookie = "account"

// maxAccount bounds the bytes of cookies that the tokens may take beside a session.
const maxAccount = 6 << 10

// oneFlow is an upper bound on the cookie bytes of one sign-in in progress.
const oneFlow = 2 << 10

// An AccountKeeper keeps the provider's tokens, sealed: beside the account, where
// accounts are stored, else in a cookie of its own. They are no part of a
// session, and no session needs them.
//
// Each sealed value is bound to its user or account and does not open for another, even
// if it is copied there.
type AccountKeeper struct {
	Cookie Sealer           // of the purpose [AccountPurpose], and one that encrypts
	Row    Sealer           // of the purpose [AccountRowPurpose], and one that encrypts
	Store  Accounts         // nil: tokens are kept in the cookie
	Max    time.Duration    // longest life of the cookie: that of a session
	Now    func() time.Time // the process clock
}

// Keep stores the tokens of id, an account of the user. It clears any tokens already in
// the cookie; [ErrTooLarge] says that the new ones do not fit, and then none are kept.
func (k *AccountKeeper) Keep(ctx context.Context, jar *Jar, userID string, id Identity, t AccountTokens, remember bool) error {
	k.Forget(jar)
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode account tokens: %w", err)
	}
	life := k.Max
	if !remember {
		life = min(life, maxUnremembered)
	}
	c := Claims{IssuedAt: k.Now(), ExpiresAt: k.Now().Add(life), EndsAt: k.Now().Add(life), Data: data}
	if k.Store != nil {
		c.Digest = accountDigest(id.Issuer, id.Subject)
		sealed, err := k.Row.Seal(ctx, c)
		if err != nil {
			return err
		}
		return k.Store.KeepTokens(ctx, id.Issuer, id.Subject, sealed)
	}
	c.Digest = digest(userID)
	sealed, err := k.Cookie.Seal(ctx, c)
	if err != nil {
		return err
	}
	// They may use what the session cookies leave free, minus room for the next sign-in.
	if room := min(maxAccount, CookieBudget-oneFlow-jar.Size()); len(sealed) > room {
		return fmt.Errorf("%w: account tokens of %d bytes, room for %d", ErrTooLarge, len(sealed), room)
	}
	if !remember {
		life = 0 // until the browser closes
	}
	return jar.Set(AccountCookie, sealed, life)
}

// InCookie returns the tokens that the browser carries, if they are this user's. It
// clears any other value and returns the reason; ErrNoSession if there is no cookie.
func (k *AccountKeeper) InCookie(ctx context.Context, jar *Jar, userID string) (AccountTokens, error) {
	value, err := jar.Get(AccountCookie)
	if err == nil && value == "" {
		return AccountTokens{}, ErrNoSession
	}
	var t AccountTokens
	if err == nil {
		t, err = k.open(ctx, k.Cookie, value, digest(userID))
	}
	if err != nil {
		k.Forget(jar)
	}
	return t, err
}

// InRow returns the tokens that are kept beside an account.
func (k *AccountKeeper) InRow(ctx context.Context, a Account) (AccountTokens, error) {
	if a.Sealed == "" {
		return AccountTokens{}, ErrNoSession
	}
	c, err := k.Row.Open(ctx, a.Sealed)
	if err != nil {
		return AccountTokens{}, err
	}
	return decodeTokens(c, accountDigest(a.Issuer, a.Subject))
}

// Forget clears the cookie.
func (k *AccountKeeper) Forget(jar *Jar) { jar.Clear(AccountCookie) }

func (k *AccountKeeper) open(ctx context.Context, s Sealer, value, whose string) (AccountTokens, error) {
	c, err := s.Open(ctx, value)
	if err != nil {
		return AccountTokens{}, err
	}
	if over(c.ExpiresAt, k.Now()) {
		return AccountTokens{}, ErrExpired
	}
	return decodeTokens(c, whose)
}

func decodeTokens(c Claims, whose string) (t AccountTokens, err error) {
	if !same(c.Digest, whose) {
		return AccountTokens{}, ErrInvalid
	}
	if err := json.Unmarshal(c.Data, &t); err != nil {
		return AccountTokens{}, ErrInvalid
	}
	return t, nil
}

func accountDigest(issuer, subject string) string { return digest(issuer + "\x00" + subject) }
