package db

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
)

// IsPostgres reports whether name means a Postgres database and not a file: it is a URL,
// or the keywords of a connection string (PostgreSQL manual, 34.1.1).
func IsPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://") ||
		!isPath(name) && keywords.MatchString(name)
}

var keywords = regexp.MustCompile(`(^|\s)(host|dbname|service)\s*=`)

// isPath reports whether name is the path of a file. An ambiguous name counts as a path
// only if it begins like one.
func isPath(name string) bool {
	return !strings.ContainsAny(name, ":=?") || strings.HasPrefix(name, ".") || filepath.IsAbs(name)
}

var errName = errors.New("the path of a SQLite file, postgres://user:password@host:5432/database, or keywords such as host=db dbname=app; " +
	"SQLite takes no file: URL and no :memory:, and a path with : = or ? begins with ./ or /")

// Check returns an error that describes a valid name if Open would not accept this one.
// The error does not quote the name, which may hold a password.
func Check(name string) error {
	_, err := engineOf(name)
	return err
}

// Display returns the name of a database for people to read: the path of a file, or the
// host and the database of a server, without user, password and parameters. It is empty
// for what [Check] refuses.
func Display(name string) string {
	e, err := engineOf(name)
	if err != nil {
		return ""
	}
	return e.String()
}

// engineOf returns the engine of the database that name means.
func engineOf(name string) (engine, error) {
	switch {
	case IsPostgres(name):
		return parsePostgres(name)
	case isPath(name):
		return &file{path: name}, nil
	}
	return nil, errName
}
