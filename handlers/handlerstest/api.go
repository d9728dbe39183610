package handlerstest

import (
	"net/url"
	"testing"
)

// Form returns url.Values from alternating names and values.
func Form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func SessionOf(answer map[string]any) map[string]any {
	s, _ := answer["session"].(map[string]any)
	return s
}

// Drop checks that the named values are present and deletes them from m, because they are
// unpredictable.
func Drop(t *testing.T, m map[string]any, names ...string) map[string]any {
	t.Helper()
	for _, name := range names {
		if v, ok := m[name]; !ok || v == "" {
			t.Errorf("no %s in %v", name, m)
		}
		delete(m, name)
	}
	return m
}
