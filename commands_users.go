package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"sessionlab/auth"
	"sessionlab/db"
)

// A userAdmin changes users in the database of the site, which may be running.
type userAdmin struct {
	users    db.Administration
	store    *stores
	strategy auth.Strategy
	log      *slog.Logger
}

// openUserAdmin opens the database that the settings name, which must be there.
func openUserAdmin(ctx context.Context, c *invocation) (*userAdmin, error) {
	cfg, err := storedConfig(c)
	if err != nil {
		return nil, err
	}
	if err := cfg.databaseExists(); err != nil {
		return nil, err
	}
	store, err := openStore(ctx, cfg, c.now, nil)
	if err != nil {
		return nil, err
	}
	o := &userAdmin{users: db.Administration{DB: store.db}, store: store, log: newLog(cfg, c.log)}
	if o.strategy, err = newAdminStrategy(cfg, store, c.now); err != nil {
		store.Close()
		return nil, err
	}
	return o, nil
}

// databaseExists returns an error if DATABASE_URL names a file that is not there: a
// command that works on existing data must not create it.
func (c *config) databaseExists() error {
	name := string(c.Database)
	if db.IsPostgres(name) {
		return nil
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("DATABASE_URL: there is no file %s", name)
	}
	return nil
}

// newAdminStrategy returns the site's strategy, to work on stored sessions only: it uses
// a throwaway key, so it cannot open cookies.
func newAdminStrategy(cfg config, store *stores, now func() time.Time) (auth.Strategy, error) {
	ring, err := newRing()
	if err != nil {
		return nil, err
	}
	kind, _ := auth.KindOf(cfg.single())
	return kind.New(newParts(cfg, store, newVault(cfg, ring, nil), now))
}

// find returns the user with that id or email. It is an error if several users have the
// email.
func (o *userAdmin) find(ctx context.Context, name string) (auth.Member, error) {
	if !strings.Contains(name, "@") {
		m, err := o.users.Member(ctx, name)
		if errors.Is(err, auth.ErrNotFound) {
			err = fmt.Errorf("there is no user with the id %s", name)
		}
		return m, err
	}
	email := (auth.Identity{Email: name}).User().Email
	list, err := o.users.Members(ctx, auth.MemberQuery{Email: email, Limit: 2})
	switch {
	case err != nil:
		return auth.Member{}, err
	case len(list) == 0:
		return auth.Member{}, fmt.Errorf("there is no user with the email %s", name)
	case len(list) > 1:
		return auth.Member{}, fmt.Errorf("several users have the email %s: name one by its id, see users list -search %s", name, name)
	}
	return list[0], nil
}

// withUser opens the database and calls do with the user named by the first argument.
func withUser(ctx context.Context, c *invocation, do func(*userAdmin, auth.Member) error) error {
	o, err := openUserAdmin(ctx, c)
	if err != nil {
		return err
	}
	defer o.store.Close()
	m, err := o.find(ctx, c.args[0])
	if err != nil {
		return err
	}
	return do(o, m)
}

// printedUser is a user as commands print one.
type printedUser struct {
	ID            string           `json:"id"`
	Email         string           `json:"email"`
	EmailVerified bool             `json:"emailVerified"`
	Name          string           `json:"name"`
	Role          string           `json:"role"`
	JoinedAt      time.Time        `json:"joinedAt"`
	DisabledAt    *time.Time       `json:"disabledAt"` // null if enabled
	Accounts      []printedAccount `json:"accounts,omitempty"`
}

type printedAccount struct {
	Provider string    `json:"provider"`
	Email    string    `json:"email"`
	LinkedAt time.Time `json:"linkedAt"`
}

func toPrint(m auth.Member) printedUser {
	u := printedUser{ID: m.ID, Email: m.Email, EmailVerified: m.EmailVerified, Name: m.Name, Role: m.Role, JoinedAt: m.JoinedAt}
	if !m.DisabledAt.IsZero() {
		u.DisabledAt = &m.DisabledAt
	}
	return u
}

func (u printedUser) state() string {
	if u.DisabledAt != nil {
		return "disabled"
	}
	return u.Role
}

func listUsers(ctx context.Context, c *invocation) error {
	o, err := openUserAdmin(ctx, c)
	if err != nil {
		return err
	}
	defer o.store.Close()
	list, err := o.users.Members(ctx, auth.MemberQuery{Search: c.search, Limit: c.limit})
	if err != nil {
		return err
	}
	users := make([]printedUser, len(list))
	for i, m := range list {
		users[i] = toPrint(m)
	}
	return c.print(users, func(w io.Writer) {
		for _, u := range users {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.ID, u.state(), day(u.JoinedAt), orDash(u.Email), plainLine(u.Name))
		}
	})
}

func showUser(ctx context.Context, c *invocation) error {
	return withUser(ctx, c, func(o *userAdmin, m auth.Member) error { return o.show(ctx, c, m.ID) })
}

// show prints a user as they are now.
func (o *userAdmin) show(ctx context.Context, c *invocation, id string) error {
	m, err := o.users.Member(ctx, id)
	if err != nil {
		return err
	}
	u := toPrint(m)
	accounts, err := o.store.Accounts.Accounts(ctx, id)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		u.Accounts = append(u.Accounts, printedAccount{a.Provider, a.Email, a.LinkedAt})
	}
	return c.print(u, func(w io.Writer) {
		verified := "not verified"
		if u.EmailVerified {
			verified = "verified"
		}
		fmt.Fprintf(w, "id\t%s\nname\t%s\nemail\t%s (%s)\nrole\t%s\njoined\t%s\n",
			u.ID, plainLine(u.Name), orDash(u.Email), verified, u.Role, day(u.JoinedAt))
		if u.DisabledAt != nil {
			fmt.Fprintf(w, "disabled\t%s\n", day(*u.DisabledAt))
		}
		for _, a := range u.Accounts {
			fmt.Fprintf(w, "signs in\t%s, %s, since %s\n", a.Provider, orDash(a.Email), day(a.LinkedAt))
		}
	})
}

// setRole requires a verified email if the user is named by email: anyone could have
// claimed an unverified one.
func setRole(ctx context.Context, c *invocation) error {
	role := c.args[1]
	if role != auth.RoleAdmin && role != auth.RoleMember {
		return errUsage{fmt.Sprintf("users role: want %s or %s, not %q", auth.RoleAdmin, auth.RoleMember, role)}
	}
	return withUser(ctx, c, func(o *userAdmin, m auth.Member) error {
		if c.args[0] != m.ID && !m.EmailVerified {
			return fmt.Errorf("nobody has verified the email %s: if it is the right person, use the id %s", m.Email, m.ID)
		}
		if err := explain(o.users.SetRole(ctx, nil, m.ID, role)); err != nil {
			return err
		}
		o.log.Info("user_role_set", "by", "command line", "user", m.ID, "role", role)
		return o.show(ctx, c, m.ID)
	})
}

func disableUser(ctx context.Context, c *invocation) error {
	return changeUser(ctx, c, "user_disabled", func(o *userAdmin, id string) error { return o.users.Disable(ctx, nil, id) })
}

func enableUser(ctx context.Context, c *invocation) error {
	return changeUser(ctx, c, "user_enabled", func(o *userAdmin, id string) error { return o.users.Enable(ctx, nil, id) })
}

// changeUser changes the user whom the first argument names, logs the event and prints the
// user as they are then.
func changeUser(ctx context.Context, c *invocation, event string, change func(o *userAdmin, id string) error) error {
	return withUser(ctx, c, func(o *userAdmin, m auth.Member) error {
		if err := explain(change(o, m.ID)); err != nil {
			return err
		}
		o.log.Info(event, "by", "command line", "user", m.ID)
		return o.show(ctx, c, m.ID)
	})
}

func deleteUser(ctx context.Context, c *invocation) error {
	return withUser(ctx, c, func(o *userAdmin, m auth.Member) error {
		if err := explain(o.users.Delete(ctx, nil, m.ID)); err != nil {
			return err
		}
		o.log.Info("user_deleted", "by", "command line", "user", m.ID)
		return c.print(map[string]string{"deleted": m.ID}, func(w io.Writer) { fmt.Fprintf(w, "deleted\t%s\n", m.ID) })
	})
}

// explain adds a hint to ErrLastAdmin.
func explain(err error) error {
	if errors.Is(err, auth.ErrLastAdmin) {
		return fmt.Errorf("%w: make somebody else an admin first", err)
	}
	return err
}

// printedSession is a session as commands print one.
type printedSession struct {
	ID        string    `json:"id"`
	Device    string    `json:"device"`
	IssuedAt  time.Time `json:"issuedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	EndsAt    time.Time `json:"endsAt"`
}

func listSessions(ctx context.Context, c *invocation) error {
	return withUser(ctx, c, func(o *userAdmin, m auth.Member) error {
		lister, ok := o.strategy.(auth.Lister)
		if !ok {
			return errors.New("the strategy of this site keeps no list of sessions")
		}
		list, err := lister.Sessions(ctx, m.ID)
		if err != nil {
			return err
		}
		sessions := make([]printedSession, len(list))
		for i, s := range list {
			sessions[i] = printedSession{s.ID, s.Device.Name, s.IssuedAt, s.ExpiresAt, s.EndsAt}
		}
		return c.print(sessions, func(w io.Writer) {
			for _, s := range sessions {
				fmt.Fprintf(w, "%s\t%s\tsince %s\tuntil %s\n", s.ID, plainLine(s.Device), day(s.IssuedAt), day(s.ExpiresAt))
			}
		})
	})
}

func revokeSessions(ctx context.Context, c *invocation) error {
	return withUser(ctx, c, func(o *userAdmin, m auth.Member) error {
		revoker, ok := o.strategy.(auth.Revoker)
		if !ok {
			return errors.New("the strategy of this site cannot end sessions: sessions end when they expire; to keep the user out, disable the user")
		}
		n, err := revoker.Revoke(ctx, auth.Target{UserID: m.ID, All: true})
		if err != nil {
			return err
		}
		o.log.Info("user_sessions_revoked", "by", "command line", "user", m.ID, "sessions", n)
		result := struct {
			Revoked *int    `json:"revoked"` // null if the strategy cannot count them
			Within  float64 `json:"effectiveWithinSeconds"`
		}{Within: revoker.Window().Seconds()}
		many := "all"
		if n >= 0 {
			result.Revoked, many = &n, fmt.Sprint(n)
		}
		return c.print(result, func(w io.Writer) {
			fmt.Fprintf(w, "revoked\t%s\neffective\twithin %v\n", many, revoker.Window())
		})
	})
}

// day prints a time for people.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// orDash returns an email, or a dash for none.
func orDash(email string) string {
	if email == "" {
		return "-"
	}
	return plainLine(email)
}

// plainLine returns a text that somebody else chose, with control and bidi characters
// replaced by ?.
func plainLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u061c' || r == '\u200e' || r == '\u200f' || r == '\ufeff' || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '?'
		}
		return r
	}, s)
}
