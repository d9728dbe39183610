package auth_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sessionlab/auth"
)

func TestFlawOf(t *testing.T) {
	known := []string{"ada.lovelace@mail.test", "Ada Lovelace", "riverbend"}
	for password, want := range map[string]auth.PasswordFlaw{
		"":                                      auth.PasswordShort,
		"fourteen bytes":                        auth.PasswordShort,
		"\u00fcbergr\u00f6\u00dfe f\u00fcss":    auth.PasswordShort, // 15 characters make a password, not 15 bytes
		"u\u0308bergro\u0308\u00dfe fu\u0308ss": auth.PasswordShort, // and they are counted in one form
		"fifteen bytes !":                       "",
		strings.Repeat("xy7 ", 64):              auth.PasswordCommon,
		strings.Repeat("a", 257):                auth.PasswordLong,
		"passwordpassword":                      auth.PasswordCommon,
		"PasswordPassword":                      auth.PasswordCommon,
		"correct horse battery staple":          auth.PasswordCommon,
		"aaaaaaaaaaaaaaaaaaaa":                  auth.PasswordCommon,
		"abcabcabcabcabcabc":                    auth.PasswordCommon,
		"123456789012345":                       auth.PasswordCommon,
		"lovelace.ada@mail.test":                auth.PasswordPersonal,
		"riverbend riverbend 1":                 auth.PasswordPersonal,
		"AdaLovelace2024!":                      auth.PasswordPersonal,
		"ada counts bernoulli numbers":          "",
		"übergrößenträger":                      "",
		"only spaces are not  a problem":        "",
	} {
		if got := auth.FlawOf(password, known...); got != want {
			t.Errorf("%q: got %q, want %q", password, got, want)
		}
	}
	if got := auth.FlawOf(strings.Repeat("0123456789abcdef", 15) + "the end of it..."); got != "" {
		t.Errorf("256 bytes: got %q", got)
	}
}

// TestEasyPasswords tries what people choose when they are asked for something long.
func TestEasyPasswords(t *testing.T) {
	known := []string{"grace.hopper@harvard.test", "Grace Hopper", "riverbend"}
	for _, c := range []struct {
		flaw      auth.PasswordFlaw
		passwords []string
	}{
		{auth.PasswordCommon, []string{
			// well-known words with digits and signs
			"password1234567", "Password1234567", "password19283746", "Password2024!!!", "Passw0rd20232024!", "P@ssw0rd!P@ssw0rd!",
			"p4$$w0rd p4$$w0rd", "Welcome123456789", "welcomewelcome1", "Welcome2YourWelcome2", "admin123456789!", "AdminAdmin12345",
			"administrator123", "letmein letmein 1", "LetMeInPlease!!", "iloveyou1234567", "ILoveYou!!!!!!!!", "changeme1234567",
			"Summer2024Winter2025", "September2024!!", "sunshine12345678", "princess20001999", "football#1234567", "monkeydragon1234",
			"michael123456789", "Jennifer+Michael", "my password 12345", "this is my password", "mypassword!2025", "passwordpassword",
			"motdepasse12345", "contraseña12345", "Contrasena_2025", "wachtwoord12345", "Passwort!Passwort", "пароль123456789", "pass word 123 456",
			"correct horse battery staple", "trustno1trustno1", "liverpoolfc1892!", "starwars 4 5 6 7 8 9", "hunter2hunter2hunter2",
			"To be or not to be", "the quick brown fox",
			// one thing again and again
			"aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaab", "xyzxyzxyzxyzxyzxyz", "lampshlampshlampsh", "ha ha ha ha ha ha ha", "lala lala lala la",
			"12121212121212121", "a1a1a1a1a1a1a1a1", "!!!!!!!!!!!!!!!!!!",
			// keys in a row, and counting
			"qwertyuiopasdfgh", "qwertzuiopüasdf", "azertyuiop12345", "1qaz2wsx3edc4rfv", "1q2w3e4r5t6y7u8i", "qazwsxedcrfvtgb", "zxcvbnm,./zxcvb",
			"poiuytrewqlkjhg", "йцукенгшщзхъфыва", "asdfjkl;asdfjkl;", "!@#$%^&*()_+!@#", "abcdefghijklmno", "abcd1234efgh5678", "123456789012345", "987654321098765",
			"112233445566778", "aabbccddeeffgghh", "qwerty123456789", "qwe123asd456zxc", "147258369147258", "0123456789abcdef", "15 8 1985 15 8 1985",
		}},
		{auth.PasswordPersonal, []string{
			"grace hopper 1906", "GraceHopper1906!", "Hopper, Grace, 1!", "harvard hopper 24", "gr4ce.h0pper!!!!", "grace@harvard.test",
			"harvard1234567 test", "riverbend123456", "R1verbend!R1verbend!", "my riverbend 123", "riverbend grace 1",
		}},
	} {
		for _, password := range c.passwords {
			if got := auth.FlawOf(password, known...); got != c.flaw {
				t.Errorf("%q: got %q, want %q", password, got, c.flaw)
			}
		}
	}
}

// TestGoodPasswords tries good passwords, of people and of password managers, in any
// language. None of it may be refused.
func TestGoodPasswords(t *testing.T) {
	known := []string{"grace.hopper@harvard.test", "Grace Hopper", "riverbend"}
	for _, password := range []string{
		"the cat sat on the mat", "blue horse green tree", "my dog eats homework", "row row row your boat", "she sells sea shells",
		"purple monkey dishwasher", "were the trees dressed", "a tall glass of water", "coffee first, then talk", "we were three for tea",
		"winter is cold in summer rain", "the password is on the fridge door", "my password hates cats", "sunshine over old rooftops",
		"michael likes to swim in june", "grace found a moth in the relay", "nobody expects a teapot", "do not feed the penguins",
		"turn left at the big rock", "eleven pipers piping loudly", "grandma's soup was salty", "Why do I need this again?",
		"three blind mice ran home", "trees street greet sweet", "i am the very model of a major general", "quiet desert tractor",
		"wir essen gerne Kuchen", "Der Hund schläft im Flur", "übergrößenträger", "le chat dort sous la table", "el perro come pan duro",
		"o gato bebeu o leite", "il gatto beve il latte", "kot śpi na piecu cały dzień", "кошка спит на старом диване", "ο σκύλος κοιμάται στην αυλή",
		"我的猫喜欢在沙发上睡觉而狗不", "我的猫喜欢在沙发上睡觉而狗从来不睡", "猫はソファの上で寝るのが好きです", "고양이가 소파에서 자는 것을 좋아해요", "बिल्ली सोफे पर सोती है",
		"القط نائم على الأريكة", "🦊🌧️🚲 fox in the rain", "🍎🚗🐳🎻🪴🧦🕰️🛶🧀🦉🪁🧩🎲🪕🥨🧭",
		"x7Kq9vRt2LmZp4W", "f3a981c277d04be6", "kD!9w@Lz#4pQ&7tX", "dLq8-uRz2-vKx5", "zoKxumqyfrebtws", "83629401750291764538", "9f86d081884c7d65",
		"correct-staple-otter-lamp", "orbit.plank.velvet.moss", "tiger-lamp-9-orange", "lunch_bicycle_tuba", "qzvxwkjhbnmtrplc",
	} {
		got := auth.FlawOf(password, known...)
		if len([]rune(password)) < auth.MinPassword {
			got = "" // too short, but of no other kind
		}
		if got != "" {
			t.Errorf("%q: got %q, want it taken", password, got)
		}
	}
}

func BenchmarkFlawOf(b *testing.B) {
	for _, password := range []string{"the cat sat on the mat", strings.Repeat("a", 256), strings.Repeat("p4$$w0rd", 32), strings.Repeat("0123456789qwerty", 16)} {
		b.Run(password[:8], func(b *testing.B) {
			for b.Loop() {
				auth.FlawOf(password, "grace.hopper@harvard.test", "Grace Hopper")
			}
		})
	}
}

func FuzzFlawOf(f *testing.F) {
	f.Add("a rather long one", "ada@mail.test")
	f.Add("\u00fcbergro\u0308\u00dfentr\u00e4ger", "Ju\u0308rgen@XN--bcher-kva.test")
	f.Add("\uff51wertyuiop", "j@b\u00fccher\u3002example")
	f.Add("\xb5\xff\xff\xff3\x00\x10w&c\x17\xd4\xe7\xec\xa4", "")
	f.Fuzz(func(t *testing.T, password, known string) {
		flaw := auth.FlawOf(password, known)
		normal := norm.NFKC.String(password)
		if n := len([]rune(normal)); flaw == "" && (n < auth.MinPassword || len(normal) > auth.MaxPassword) {
			t.Errorf("%q was taken", password)
		}
		if got := auth.FlawOf(norm.NFD.String(password), known); got != flaw {
			t.Errorf("%q: got %q, and decomposed %q", password, flaw, got)
		}
		// Where two copies of what is not UTF-8 meet, they may form another character.
		if got := auth.FlawOf(password+password, known); utf8.ValidString(password) && flaw == auth.PasswordCommon && got != flaw && got != auth.PasswordLong {
			t.Errorf("%q: got %q, and twice in a row %q", password, flaw, got)
		}
		if id, ok := auth.PasswordIdentity(known, ""); ok {
			if again, ok := auth.PasswordIdentity(id.Subject, ""); !ok || again != id {
				t.Errorf("%q: got %+v, then %+v", known, id, again)
			}
		}
	})
}
