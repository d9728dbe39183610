package handlers

import "embed"

// Source holds the source files that the flow page links to: the routes and a test of
// them, as compiled into this program.
//
//go:embed routes.go input_test.go
var Source embed.FS
