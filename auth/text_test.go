package auth_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sessionlab/auth"
)

// Names are shown as people write them. What cannot be seen and no script needs goes.
func TestNamesAreKept(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace":    "",
		"José Núñez":      "",
		"Jose\u0301":      "", // a combining accent
		"نیما\u200cیوشیج": "", // zero width non-joiner, Persian
		"ශ්\u200dරී":      "", // zero width joiner, Sinhala
		"👩\u200d💻 Ada":    "", // an emoji of two
		"❤\ufe0f":         "", // in colour
		"葛\U000e0100城":    "", // which way a character is written
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": "", // a flag
		"\u200fשרה":                                     "", // right-to-left mark
		"សុខ\u200bសាន្ត":                                "", // between words, in Khmer
		"\U000323b0":                                    "", // assigned after this program was built
		"山田\u3000太郎":                                    "山田 太郎",
		"Ada\u00a0Lovelace":                             "Ada Lovelace",
		"Ada\u2009\u202fLovelace":                       "Ada Lovelace",
		"\u3000Ada \t\r\n\u2028\u0085 Lovelace ":        "Ada Lovelace",
		"Ada\x00\x1b[31m\x7f":                           "Ada[31m",
		"Ada\u202egnp.exe\u202c":                        "Adagnp.exe",
		"\u2066Ada\u2069\u2067\u2068\u202a\u202b\u202d": "Ada",
		"\ufeffAda\u2060\u00ad\ufff9":                   "Ada",
		"Ada\xff\xfe!":                                  "Ada\ufffd!",
		"\xed\xa0\x80Ada":                               "\ufffdAda", // half a surrogate pair
	} {
		if want == "" {
			want = name
		}
		if got := (auth.Identity{Name: name}).User().Name; got != want {
			t.Errorf("%+q: got %+q, want %+q", name, got, want)
		}
	}
	// A name of nothing that can be seen is none.
	for _, name := range []string{"", " ", "\u200b", "\u200d\ufe0f", "\u3164", "\u202e", "\u0301"} {
		if got := (auth.Identity{Name: name, Email: "ada@example.org"}).User().Name; got != "ada" {
			t.Errorf("%+q: got %+q, want ada", name, got)
		}
	}
}

// A long name is cut between characters as people see them.
func TestNamesAreCutBetweenCharacters(t *testing.T) {
	long := strings.Repeat("a", 126)
	for name, want := range map[string]string{
		long + "bcd":                        long + "bc",
		long + "be\u0301":                   long + "b",
		long + "b👩\u200d💻":                  long + "b",
		long + "👩\u200d💻":                   long,
		long + "👍🏽!":                        long + "👍🏽",
		long + "b👍🏽":                        long + "b",
		long + "b❤\ufe0f":                   long + "b",
		long + "b c":                        long + "b",
		strings.Repeat("\u0301", 128) + "a": "",
		strings.Repeat("\u0301", 200):       "",
		"a" + strings.Repeat("\u0301", 200): "a" + strings.Repeat("\u0301", 127),
	} {
		if want == "" {
			want = "Somebody"
		}
		if got := (auth.Identity{Name: name}).User().Name; got != want {
			t.Errorf("%+q: got %+q, want %+q", name, got, want)
		}
	}
}

// Whatever somebody is called, their name can be shown, and showing it changes nothing.
func FuzzName(f *testing.F) {
	f.Add("Ada\u3000\u202eLovelace\xff\u200d")
	f.Fuzz(func(t *testing.T, name string) {
		got := auth.Identity{Name: name}.User().Name
		if again := (auth.Identity{Name: got}).User().Name; again != got {
			t.Errorf("%+q becomes %+q and then %+q", name, got, again)
		}
		if !utf8.ValidString(got) || strings.Contains(got, "  ") || strings.TrimSpace(got) != got || got == "" {
			t.Errorf("%+q becomes %+q", name, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		}) {
			t.Errorf("%+q becomes %+q", name, got)
		}
	})
}
