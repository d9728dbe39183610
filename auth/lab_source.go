package auth

import "embed"

// Source is the source of the strategies and of the code that runs them, as it was
// compiled into this program.
//
//go:embed auth.go claims.go confirm.go cookies.go database.go epoch.go hybrid.go keys.go lifetimes.go manager.go
//go:embed memo.go pair.go receipt.go renew.go rotation.go seal.go seal_jose.go seal_securecookie.go signin.go
//go:embed stateless.go stores.go strategies.go tombstone.go verdicts.go
var Source embed.FS
