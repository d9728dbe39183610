package main

// A passage is a text in a file and what replaces it in the application.
type passage struct{ file, from, to string }

// passages returns the passages that are about compare mode and that no rule finds.
func passages(strategy string) []passage {
	return []passage{
		{"config.go", `env:"SESSION_STRATEGY" envDefault:"compare"`, `env:"SESSION_STRATEGY" envDefault:"` + strategy + `"`},
		{"config_test.go", `"SESSION_STRATEGY": "compare"`, `"SESSION_STRATEGY": "` + strategy + `"`},
		{"LICENSE", "Copyright (c) 2026 the sessionlab authors\n", "Copyright (c) 2026 the sessionlab authors\nCopyright (c) 2026 {{owner}}\n"},
		{"deploy/compose.yaml", "SESSION_STRATEGY:-database", "SESSION_STRATEGY:-" + strategy},
		{"docs/deploy.md", "SESSION_STRATEGY=database", "SESSION_STRATEGY=" + strategy},
		{".env.example", "# compare (all of them, for demonstrations on this machine), or one: cookie,\n# database, epoch, hybrid, renew, pair, rotation.\n", "# How sessions are kept: there is no other way.\n"},
		{".env.example", "SESSION_STRATEGY=compare\n", "SESSION_STRATEGY=" + strategy + "\n"},
		{".env.example", "# on where BASE_URL is this machine. On any other address, \"on\" needs LAB_PUBLIC=1.\n", "# on where BASE_URL is this machine. On any other address it cannot be on.\n"},
		{"docs/configuration.md", "| `compare` | one of the seven, or `compare`: all of them, for demonstrations; on this machine, unless `LAB_PUBLIC` |", "| `" + strategy + "` | how sessions are kept: there is no other way |"},
		{"docs/configuration.md", "elsewhere it may be `on` only with `LAB_PUBLIC=1` |", "elsewhere it cannot be `on` |"},
		{".ci/run", "step \"an application with each strategy\"\nNEWAPP=some go test -timeout 25m -run TestNewApps -v ./newapp | grep -v '^=== '\n\n", ""},
		{".ci/run", "need nodejs node nodejs # a test signs in with npm's oidc-provider\nneed npm npm\n", ""},
	}
}
