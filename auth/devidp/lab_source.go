package devidp

import "embed"

// Source is the code that compares a verifier with its challenge.
//
//go:embed token.go
var Source embed.FS
