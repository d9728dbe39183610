package auth

import (
	"context"
	"errors"
	"time"
)

// ErrLastAdmin says that a change would leave no enabled user with the role [RoleAdmin].
var ErrLastAdmin = errors.New("last administrator of the site")

// A Member is a user as administrators see them.
type Member struct {
	User
	EmailVerified bool
	JoinedAt      time.Time // the first sign-in
	DisabledAt    time.Time // zero if the user is enabled
}

// A MemberQuery selects members. Empty fields are ignored.
type MemberQuery struct {
	Email  string // this one, in any case
	Search string // in the email or the name, in any case
	Role   string // enabled, and with this role
	After  Member // joined before this one; its ID and JoinedAt count
	Limit  int    // at least 1
}

// An Administration lists the users of a site and changes them. Each change is made in
// one transaction, in which the caller must still be an enabled administrator whose
// [Standing] holds: [ErrRevoked] or [ErrDisabled] if not, [ErrNotAdmin] if they have
// another role. A nil Standing means the operator of the program and skips the check.
// [ErrNotFound] means that there is no such user.
type Administration interface {
	// Members returns the members that q selects, the newest first.
	Members(ctx context.Context, q MemberQuery) ([]Member, error)

	// Member returns one; ErrNotFound if there is none.
	Member(ctx context.Context, id string) (Member, error)

	// SetRole gives a user a role; ErrLastAdmin if that takes it from the last
	// administrator.
	SetRole(ctx context.Context, by *Standing, userID, role string) error

	// Disable shuts a user out and raises their epoch; ErrLastAdmin as above.
	Disable(ctx context.Context, by *Standing, userID string) error

	// Enable lets a user in again. Sessions sealed before stay ended.
	Enable(ctx context.Context, by *Standing, userID string) error

	// Delete deletes a user and their accounts and sessions; ErrLastAdmin as above.
	Delete(ctx context.Context, by *Standing, userID string) error
}

// ErrNotAdmin says that whoever asks is no administrator any more.
var ErrNotAdmin = errors.New("not an administrator")
