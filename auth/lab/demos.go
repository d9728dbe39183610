package lab

import (
	"context"
	"slices"
	"time"

	"sessionlab/auth"
)

// Demos returns the demos, in the order of a talk. Their waits are as long as the bench's
// lifetimes.
func (b *Bench) Demos() []Demo {
	life := b.parts.Auth.Life
	stolen, phone, store := stolenCookie(life), revokedPhone(life), storeDown(life)
	return []Demo{
		stolen, phone, staleRole(life), keyRotation(), refreshRace(life), store,
		{
			Name: "playlist", Title: "Ten minutes for a talk",
			About: "Three of them in a row: the stolen cookie, the lost phone, the unplugged database; then the chart of how long a copy works.",
			Parts: []Demo{stolen, phone, store},
		},
	}
}

// Demo returns the demo of that name.
func (b *Bench) Demo(name string) (Demo, bool) {
	demos := b.Demos()
	i := slices.IndexFunc(demos, func(d Demo) bool { return d.Name == name })
	if i < 0 {
		return Demo{}, false
	}
	return demos[i], true
}

func stolenCookie(life auth.Lifetimes) Demo {
	return Demo{
		Name: "stolen-cookie", Title: "The stolen cookie",
		About:   "Somebody copies your cookies. You sign out. Who is still in?",
		Columns: []string{"cookie", "database"}, Clients: []string{You, Thief}, begin: (*Bench).SignIn,
		Begun: "One sign-in, two sessions: one sealed inside a cookie, one as a row in the database. Nobody has copied anything yet.",
		Steps: []Step{
			{
				Press: "Steal the cookies", do: (*Bench).Steal,
				Why: "A copied cookie is as good as the one it was copied from. Nothing in the request says who sends it.",
			},
			{
				Ask: "You sign out. Where does the copy still get in?", Guesses: []string{"nowhere", "cookie", "database", "both"},
				Press: "Sign out", do: (*Bench).SignOut,
				Why: "A sign-out does two things: your browser drops its cookies, and the server marks the row as ended. For what is sealed in a cookie there is no row.",
			},
			{
				Ask:     "The copy asks once a day from now on. How long does that work?",
				Guesses: []string{"until you sign in again", Span(life.Idle), Span(life.Max), "for ever"},
				Press:   "+" + Span(life.Max) + ", used daily", do: wait(life.Max, true),
				Why: "Asking moves the idle end. Nothing moves the absolute end, " + Span(life.Max) + " after the sign-in.",
			},
		},
	}
}

func revokedPhone(life auth.Lifetimes) Demo {
	return Demo{
		Name: "revoked-phone", Title: "The lost phone",
		About:   "Your phone is gone. You sign it out from here.",
		Columns: []string{"cookie", "database", "hybrid"}, Clients: []string{You, Phone}, begin: (*Bench).SignIn,
		Begun: "You are signed in here. hybrid is a row in the database, with a sealed copy of it in the browser that is trusted for " + Span(life.Hybrid) + ".",
		Steps: []Step{
			{
				Press: "Add the phone", do: (*Bench).AddPhone,
				Why: "The phone has signed in by itself and carries sessions of its own.",
			},
			{
				Ask: "The phone is lost, and you sign it out from here. Where is it out at once?", Guesses: []string{"everywhere", "database", "database and hybrid", "nowhere"},
				Press: "Sign out the phone", do: (*Bench).RevokePhone,
				Why: "database marks the phone's row as ended. hybrid does too, but the phone's copy of it is still good. cookie keeps no list and cannot end a session that it is not shown.",
			},
			{
				Ask: "What changes within " + Span(life.Hybrid) + "?", Guesses: []string{"nothing", "hybrid", "cookie", "both"},
				Press: "+" + Span(life.Hybrid), do: wait(life.Hybrid, false),
				Why: "The copy of hybrid ran out, so the row was read again. A cookie session has only its own end to wait for.",
			},
		},
	}
}

func staleRole(life auth.Lifetimes) Demo {
	return Demo{
		Name: "stale-role", Title: "Yesterday's role",
		About:   "An admin becomes a member again. Who still takes her for an admin?",
		Columns: []string{"cookie", "database", "hybrid"}, Clients: []string{You}, Roles: true,
		begin: func(b *Bench, ctx context.Context, v Visitor) error {
			if err := b.SetRole(ctx, v, auth.RoleAdmin); err != nil {
				return err
			}
			return b.SignIn(ctx, v)
		},
		Begun: "Ada was made an admin and then signed in, so that is what each of her sessions says.",
		Steps: []Step{
			{
				Ask: "An administrator makes her a member. Who still takes her for an admin?", Guesses: []string{"nobody", "cookie", "cookie and hybrid", "all three"},
				Press: "Make her a member", do: func(b *Bench, ctx context.Context, v Visitor) error { return b.SetRole(ctx, v, auth.RoleMember) },
				Why: "The role was changed in the table. Only database read it for this answer; the others trust the copy that they sealed.",
			},
			{
				Ask: "And " + Span(life.Hybrid) + " later?", Guesses: []string{"nobody", "cookie", "cookie and hybrid"},
				Press: "+" + Span(life.Hybrid), do: wait(life.Hybrid, false),
				Why: "hybrid reads the table anew when its copy has run out. What a cookie says holds until the next sign-in, so read the table wherever a role guards something.",
			},
		},
	}
}

func keyRotation() Demo {
	return Demo{
		Name: "key-rotation", Title: "A new key",
		About:   "The key that seals cookies is replaced. Who is signed out by that?",
		Columns: []string{"cookie", "database"}, Clients: []string{You}, begin: (*Bench).SignIn,
		Begun: "The cookie session is sealed with the server's key. The ticket of database is random text, which no key protects.",
		Steps: []Step{
			{
				Press: "Add a new key", do: (*Bench).RotateKey,
				Why: "The new key seals from now on. The old one still opens what it sealed.",
			},
			{
				Ask: "Now the old key is dropped. Who is signed out?", Guesses: []string{"nobody", "cookie", "database", "both"},
				Press: "Drop the old key", do: (*Bench).RetireKey,
				Why: "What only the old key could open is lost. Drop it when everything that it sealed is past its end, and nobody notices.",
			},
		},
	}
}

func refreshRace(life auth.Lifetimes) Demo {
	race := func(rules Rules, s Step) Step {
		s.Race = rules.Name
		s.do = func(b *Bench, ctx context.Context, v Visitor) error { return b.RaceTabs(ctx, v, rules) }
		return s
	}
	rules := Races()
	return Demo{
		Name: "refresh-race", Title: "Two tabs at once",
		About:   "A refresh token works once. Two tabs wake up at the same moment, and both bring it.",
		Columns: []string{"rotation"}, Clients: []string{You}, begin: (*Bench).SignIn,
		Begun: "rotation keeps two values in the browser: a sealed token of " + Span(life.Access) + ", and a refresh token that works once and brings the next two.",
		Steps: []Step{
			{
				Press: "+" + Span(life.Access), do: wait(life.Access, false),
				Why: "The token ran out, so the request for this page spent the refresh token and brought new ones. You noticed nothing.",
			},
			race(rules[0], Step{
				Ask:     "Another " + Span(life.Access) + ", and two tabs bring the same refresh token at the same moment. Who is in?",
				Guesses: []string{"both", "the first", "neither"}, Press: "Two tabs at once",
				Why: "Whoever comes first spends the token and leaves its successor beside it, sealed. For 30 s the same token brings that same successor; after that it brings a new one, once, in case the answer was lost. Once a successor has been used, the token before it is taken for a copy, and all that grew out of the sign-in ends.",
			}),
			race(rules[1], Step{
				Ask:     "The same without grace: what comes twice is a copy. Who is in?",
				Guesses: []string{"both", "the first", "neither for long"}, Press: "Again, without grace",
				Why: "The second tab looks like a thief, so the family ends and the refusal clears the cookies of the browser that both tabs share.",
			}),
			race(rules[2], Step{
				Ask:     "The same in a store that first reads, then writes. Who is in?",
				Guesses: []string{"both", "the first", "both, and a thief as well"}, Press: "Again, without the guard",
				Why: "Both read that it was unspent before either wrote. One token became two, each with a future of its own, and nothing ever comes twice again: a thief who was that quick is never found out.",
			}),
		},
	}
}

func storeDown(life auth.Lifetimes) Demo {
	return Demo{
		Name: "store-down", Title: "The unplugged database",
		About:   "The database goes away for a while: the case for cookies.",
		Columns: []string{"cookie", "database", "hybrid"}, Clients: []string{You}, begin: (*Bench).SignIn,
		Begun: "You are signed in three ways, and everything works.",
		Steps: []Step{
			{
				Ask: "The database is unplugged. Where do you stay signed in?", Guesses: []string{"nowhere", "cookie", "cookie and hybrid", "all three"},
				Press: "Unplug the database", do: unplug(true),
				Why: "! is a 503, no verdict: the site cannot tell who you are, says so, and keeps your cookies. What is sealed needs no database to be opened.",
			},
			{
				Ask: "And " + Span(life.Hybrid) + " later?", Guesses: []string{"no change", "cookie goes too", "hybrid goes too", "all are gone"},
				Press: "+" + Span(life.Hybrid), do: wait(life.Hybrid, false),
				Why: "The copy of hybrid has run out, and there is no row to read.",
			},
			{
				Ask: "The database is back. Who has to sign in again?", Guesses: []string{"nobody", "database", "database and hybrid"},
				Press: "Plug it in", do: unplug(false),
				Why: "No cookie was cleared while nobody could tell, so there was nothing to sign in again for.",
			},
		},
	}
}

func wait(d time.Duration, daily bool) press {
	return func(b *Bench, ctx context.Context, v Visitor) error { return b.Advance(ctx, v, d, daily) }
}

func unplug(out bool) press {
	return func(b *Bench, ctx context.Context, v Visitor) error { return b.Unplug(ctx, v, out) }
}
