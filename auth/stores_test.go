package auth_test

import (
	"testing"

	"sessionlab/db/dbtest"
)

// TestPostgres runs the tests of this package over Postgres.
func TestPostgres(t *testing.T) { dbtest.RerunOnPostgres(t) }
