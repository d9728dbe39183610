package db

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"sessionlab/db/dbtest"
)

// TestNoStatementScansATable holds the indexes to the statements: none may grow
// with the number of sessions.
func TestNoStatementScansATable(t *testing.T) {
	d := open(t)
	plan, scan := planOfSQLite, "SCAN "
	if dbtest.Postgres() {
		plan, scan = planOfPostgres, "Seq Scan"
		// A table this small is best read whole, so that must be forbidden; what is
		// still read whole has no index.
		d.write.SetMaxOpenConns(1)
		if _, err := d.write.Exec("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range statements {
		if statement(i) == listMembers {
			continue // an administrator's search may read every user
		}
		n := 0
		for strings.Contains(s.text, "$"+strconv.Itoa(n+1)) {
			n++
		}
		for _, step := range plan(t, d.write, i, s.text, n) {
			few := strings.Contains(step, "users_admins") // however many users there are
			if strings.Contains(step, scan) && step != "SCAN CONSTANT ROW" && !few {
				t.Errorf("%s\n%s", step, s.text)
			}
		}
	}
}

func planOfSQLite(t *testing.T, pool *sql.DB, _ int, text string, params int) []string {
	t.Helper()
	return column(t, pool, 3, "EXPLAIN QUERY PLAN "+text, make([]any, params)...)
}

func planOfPostgres(t *testing.T, pool *sql.DB, i int, text string, params int) []string {
	t.Helper()
	if _, err := pool.Exec(fmt.Sprintf("PREPARE s%d AS %s", i, text)); err != nil {
		t.Fatal(err)
	}
	nulls := ""
	if params > 0 {
		nulls = "(" + strings.TrimSuffix(strings.Repeat("NULL,", params), ",") + ")"
	}
	return column(t, pool, 0, fmt.Sprintf("EXPLAIN EXECUTE s%d%s", i, nulls))
}

// column is one column of what a query answers.
func column(t testing.TB, pool *sql.DB, n int, query string, args ...any) (out []string) {
	t.Helper()
	_, rows := answers(t, pool, query, args...)
	for _, row := range rows {
		out = append(out, row[n].(string))
	}
	return out
}

// answers is what a query answers, and the names of its columns.
func answers(t testing.TB, pool *sql.DB, query string, args ...any) (names []string, rows [][]any) {
	t.Helper()
	found, err := pool.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	if names, err = found.Columns(); err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		row, into := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return names, rows
}
