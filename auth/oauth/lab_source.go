package oauth

import "embed"

// Source is the code that guards a sign-in, and the tests that cover it.
//
//go:embed flow.go next.go oauth.go openid.go
//go:embed flow_test.go next_test.go openid_test.go
var Source embed.FS
