package auth

import (
	"slices"
	"unicode"
)

// rows lists what fingers and counting follow, in either direction: digits, alphabets,
// the rows of keyboards, and ways across them.
var rows = bothWays(
	"012345678901234567890", "!@#$%^&*()_+", "!\"§$%&/()=?",
	"abcdefghijklmnopqrstuvwxyz", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρστυφχψω",
	"qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./",
	"qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-",
	"azertyuiop", "qsdfghjklm", "wxcvbn",
	"йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
	"qazwsxedcrfvtgbyhnujmikolp", "zaq1xsw2cde3vfr4bgt5nhy6mju7", "zaqxswcdevfrbgtnhymju",
	"qweasdzxc", "147258369", "789456123", "741852963", "159357",
)

func bothWays(rows ...string) (all [][]rune) {
	for _, row := range rows {
		there := []rune(row)
		back := slices.Clone(there)
		slices.Reverse(back)
		all = append(all, there, back)
	}
	return all
}

const (
	minRun     = 3 // characters, of which one is no letter
	minLetters = 4 // where all are letters: ordinary words hold shorter runs
)

// runAt returns the length of the run that text begins with, 0 if there is none. A
// character may repeat: 112233 is a run. A year is one as well.
func runAt(text []rune) (longest int) {
	for _, row := range rows {
		longest = max(longest, runLength(row, text))
	}
	if longest < 4 && startsWithYear(text) {
		longest = 4
	}
	return longest
}

// runLength returns the length of the prefix of text that follows row.
func runLength(row, text []rune) int {
	at := slices.Index(row, text[0])
	if at < 0 {
		return 0
	}
	n, keys, letters := 1, 1, unicode.IsLetter(text[0])
	for ; n < len(text); n++ {
		if text[n] == text[n-1] {
			continue
		}
		if at++; at == len(row) || text[n] != row[at] {
			break
		}
		keys++
		letters = letters && unicode.IsLetter(text[n])
	}
	if keys < minRun || letters && keys < minLetters {
		return 0
	}
	return n
}

// startsWithYear reports whether text begins with a year from 1900 to 2099.
func startsWithYear(text []rune) bool {
	return len(text) >= 4 && (text[0] == '1' && text[1] == '9' || text[0] == '2' && text[1] == '0') &&
		isDigit(text[2]) && isDigit(text[3])
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
