package db

import (
	"strconv"
	"strings"
	"testing"
)

// TestNoStatementScansATable holds the indexes to the statements: none may grow
// with the number of sessions.
func TestNoStatementScansATable(t *testing.T) {
	d := open(t)
	args := make([]any, 10)
	for _, s := range statements {
		n := 0
		for strings.Contains(s.text, "$"+strconv.Itoa(n+1)) {
			n++
		}
		rows, err := d.write.Query("EXPLAIN QUERY PLAN "+s.text, args[:n]...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Error(err)
			}
			if strings.HasPrefix(step, "SCAN") && step != "SCAN CONSTANT ROW" {
				t.Errorf("%s\n%s", step, s.text)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	}
}
