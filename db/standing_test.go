package db

import (
	"context"
	"errors"
	"testing"
	"time"

	"sessionlab/auth"
)

// What a write rests on is checked where it is written.
func TestStanding(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	s := Sessions{d}
	laptop, phone := session(ada, "laptop", 0), session(ada, "phone", time.Minute)
	create(t, s, laptop, phone)
	if err := s.End(t.Context(), realm, phone.Hash, start); err != nil {
		t.Fatal(err)
	}
	of := func(id string) auth.Standing { return auth.Standing{UserID: ada.ID, Realm: realm, SessionID: id} }
	epoch, before, gone := ada.Epoch, ada.Epoch-1, errors.New("gone")
	for name, test := range map[string]struct {
		by   auth.Standing
		want error
	}{
		"the user":                 {auth.Standing{UserID: ada.ID}, nil},
		"a session":                {of("laptop"), nil},
		"a session that has ended": {of("phone"), auth.ErrRevoked},
		"an unknown session":       {of("tablet"), auth.ErrRevoked},
		"of another user":          {auth.Standing{UserID: signIn(t, d, "grace").ID, Realm: realm, SessionID: "laptop"}, auth.ErrRevoked},
		"the epoch":                {auth.Standing{UserID: ada.ID, Epoch: &epoch}, nil},
		"an epoch of before":       {auth.Standing{UserID: ada.ID, Epoch: &before}, auth.ErrRevoked},
		"another store":            {auth.Standing{UserID: ada.ID, Confirm: func(context.Context) error { return gone }}, gone},
		"nobody":                   {auth.Standing{}, auth.ErrRevoked},
	} {
		err := d.transactAs(t.Context(), test.by, func(*tx) error { return nil })
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	fault(t, "half a name", d.transactAs(t.Context(), auth.Standing{UserID: ada.ID, Realm: realm}, func(*tx) error { return nil }))
}

// A session that takes the place of another is stored before the user's sessions are
// ended, or not at all.
func TestEndAllWaitsForItsTurn(t *testing.T) {
	d := open(t)
	ada := signIn(t, d, "ada")
	s := Sessions{d}
	create(t, s, session(ada, "thief", 0))
	by := auth.Standing{UserID: ada.ID, Realm: realm, SessionID: "thief"}
	row := session(ada, "reissued", time.Second)
	row.Replaces = &by
	var ended chan error
	err := d.transactAs(t.Context(), by, func(tx *tx) error {
		if err := tx.createSession(t.Context(), row, 20); err != nil {
			return err
		}
		ended = make(chan error, 1)
		begun := make(chan bool)
		go func() {
			close(begun)
			_, err := s.EndAll(context.Background(), realm, auth.Target{UserID: ada.ID, All: true}, start)
			ended <- err
		}()
		<-begun
		return nil
	})
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	if left := live(t, s, realm, ada, start.Add(time.Minute)); left != "" {
		t.Errorf("left: %s, want none", left)
	}
}
