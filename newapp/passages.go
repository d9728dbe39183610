package main

// A passage is a text in a file and what replaces it in the application.
type passage struct{ file, from, to string }

// passages returns the passages that are about compare mode and that no rule finds.
func passages(strategy string) []passage {
	return []passage{
		{"config.go", `env:"SESSION_STRATEGY" envDefault:"compare"`, `env:"SESSION_STRATEGY" envDefault:"` + strategy + `"`},
		{"config_test.go", `"SESSION_STRATEGY": "compare"`, `"SESSION_STRATEGY": "` + strategy + `"`},
		{"config_test.go", "want one of compare, cookie", "want one of cookie"},
		{"LICENSE", "Copyright (c) 2026 the sessionlab authors\n", "Copyright (c) 2026 the sessionlab authors\nCopyright (c) 2026 {{owner}}\n"},
		{"deploy/compose.yaml", "SESSION_STRATEGY:-database", "SESSION_STRATEGY:-" + strategy},
		{"docs/deploy.md", "SESSION_STRATEGY=database", "SESSION_STRATEGY=" + strategy},
		{".env.example", "# compare (all of them, for demonstrations on this machine), or one: cookie,\n# database,", "# cookie, database,"},
		{".env.example", "SESSION_STRATEGY=compare\n", "SESSION_STRATEGY=" + strategy + "\n"},
		{".env.example", "# Sessions of hybrid, and of database outside compare mode, in Redis 7 or later:\n", "# Sessions of hybrid and database in Redis 7 or later:\n"},
		{".env.example", "# 1 allows compare on a public address: each visitor gets a bench of their own, and sees\n# no other visitor. Its data is fictional and is deleted after a week without use.\nLAB_PUBLIC=\n\n", ""},
		{".env.example", "# on where BASE_URL is this machine. On any other address, \"on\" needs LAB_PUBLIC=1.\n", "# on where BASE_URL is this machine. On any other address it cannot be on.\n"},
		{"docs/configuration.md", "| `compare` | one of the seven, or `compare`: all of them, for demonstrations; on this machine, unless `LAB_PUBLIC` |", "| `" + strategy + "` | [one of the seven](strategies.md) |"},
		{"docs/configuration.md", "of `hybrid`, and of `database` outside compare mode, in Redis", "of `hybrid` and `database` in Redis"},
		{"docs/configuration.md", "| `LAB_PUBLIC` | | `1` allows `compare` on a public address, with a separate bench for each visitor |\n", ""},
		{"docs/configuration.md", "elsewhere it may be `on` only with `LAB_PUBLIC=1` |", "elsewhere it cannot be `on` |"},
		{"docs/administration.md", " Compare mode has no administrators, because there every visitor may sign in as anybody.", ""},
		{"docs/code.md", "Compare mode, Postgres and Redis read\neach time.", "Postgres and Redis read each time."},
		{".ci/run", "need nodejs node nodejs # a test signs in with npm's oidc-provider\nneed npm npm\n", ""},
	}
}
