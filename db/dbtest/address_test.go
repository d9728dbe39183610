package dbtest

import "testing"

func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 300 {
		address := FreeAddress(t)
		if seen[address] {
			t.Fatalf("%s was returned twice", address)
		}
		seen[address] = true
	}
}
