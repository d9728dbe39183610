package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
)

// startSQL is the schema after all migrations, for both engines.
//
//go:embed start.sql.tmpl
var startSQL string

// squash replaces the migrations by one for each engine that stays.
func (o options) squash(files tree) error {
	files.remove(func(name string) bool {
		return strings.HasPrefix(name, "db/migrations/") || name == "db/migrate_emails.go"
	})
	t, err := template.New("start").Parse(startSQL)
	if err != nil {
		return err
	}
	n := 0
	for _, engine := range []string{"sqlite", "postgres"} {
		if !slices.Contains(o.stores, engine) {
			continue
		}
		var text bytes.Buffer
		if err := t.Execute(&text, map[string]bool{"SQLite": engine == "sqlite"}); err != nil {
			return err
		}
		n++
		files[fmt.Sprintf("db/migrations/%04d_start.%s.sql", n, engine)] = entry{text.Bytes(), 0o644}
	}
	return files.replace("db/migrate.go", "\n\t\"migrations/0007_emails.sql\": canonicalEmails,\n", "")
}
