package oauth

import (
	stdjson "encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4/json"
)

// FuzzClaims: where claims are read, the standard library reads the same under the same
// names.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"https://op.example","sub":"ada","aud":"site","exp":1,"iat":"2","nonce":"n","name":"Ada"}`,
		`{"SUB":"mallory","sub":"ada"}`, `{"sub":"ada","sub":"mallory"}`, `{"sub":"a\ud800","email":["a"]}`,
		`{"aud":["site","other"]}`, `{"exp":1e400}`, `{"exp":"NaN"}`, `null`, `[]`, `{"sub":"\u0073ub","\u0073ub":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c claims
		if json.Unmarshal(data, &c) != nil {
			return
		}
		var all map[string]stdjson.RawMessage
		if err := stdjson.Unmarshal(data, &all); err != nil {
			t.Fatalf("read what is no JSON object: %v", err)
		}
		for name, got := range map[string]string{"sub": string(c.Subject), "iss": c.Issuer, "nonce": c.Nonce, "email": string(c.Email)} {
			var want string
			if stdjson.Unmarshal(all[name], &want) != nil {
				want = "" // another shape: not there
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if _, err := stdjson.Marshal(c.identity()); err != nil {
			t.Error(err)
		}
	})
}
