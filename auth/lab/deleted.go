package lab

import "sessionlab/auth"

// Deleted tells the bench that a user is no more: nobody is signed in again as
// them.
func (b *Bench) Deleted(userID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.user.ID == userID {
		b.user = auth.User{}
	}
}
