package handlers_test

import (
	"testing"

	"sessionlab/db/dbtest"
)

// TestPostgres tells every story of this package over Postgres, but those in a
// browser, which look at something else.
func TestPostgres(t *testing.T) { dbtest.RerunOnPostgres(t, "-test.skip=^TestBrowser|^TestLabBrowser") }
