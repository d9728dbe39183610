package auth

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A guess is a password as guessers see it, without spaces and capitals.
type guess struct {
	plain []rune
	bare  string // plain without accents, and with signs that stand for letters read as letters
	at    []int  // where in bare a character of plain begins; one more for the end
}

func guessable(text string) (g guess) {
	var bare strings.Builder
	for _, r := range text {
		if unicode.IsSpace(r) {
			continue
		}
		r = unicode.ToLower(r)
		g.plain, g.at = append(g.plain, r), append(g.at, bare.Len())
		bare.WriteRune(undisguised(r))
	}
	g.bare, g.at = bare.String(), append(g.at, bare.Len())
	return g
}

// disguises maps look-alike characters to letters. A character that can stand for two
// letters, such as 1 for i and l, maps both to the same one.
var disguises = map[rune]rune{
	'0': 'o', '1': 'i', 'l': 'i', '!': 'i', '|': 'i', '3': 'e', '4': 'a', '@': 'a',
	'5': 's', '$': 's', '7': 't', '+': 't', '8': 'b', '9': 'g',
}

// undisguised returns the letter behind r, without its accents.
func undisguised(r rune) rune {
	if r >= utf8.RuneSelf {
		parts := []rune(norm.NFD.String(string(r)))
		if len(parts) > 1 && unicode.Is(unicode.Mn, parts[1]) {
			r = parts[0]
		}
	}
	if letter, ok := disguises[r]; ok {
		return letter
	}
	return r
}

// points returns the lowest score of g over all ways to split it into words, runs and
// copies.
func (g guess) points(facts words) int {
	least := make([]int, len(g.plain)+1) // of the rest that begins here
	copies := g.copies()
	for i := len(g.plain) - 1; i >= 0; i-- {
		rest := least[i+1:]
		least[i] = pointsOf(g.plain[i]) + rest[0]
		for n := minCopy; n <= copies[i]; n++ {
			least[i] = min(least[i], copyPoints+rest[n-1])
		}
		for n, run := minRun, runAt(g.plain[i:]); n <= run; n++ {
			least[i] = min(least[i], runPoints+rest[n-1])
		}
		for n := 1; n <= len(rest); n++ {
			word := g.bare[g.at[i]:g.at[i+n]]
			if wellKnown[word] {
				least[i] = min(least[i], wordPoints+rest[n-1])
			}
			if facts[word] {
				least[i] = min(least[i], factPoints+rest[n-1])
			}
		}
	}
	return least[0]
}

func pointsOf(r rune) int {
	if r >= utf8.RuneSelf || unicode.IsLetter(r) {
		return letterPoints
	}
	return otherPoints
}

// minCopy is the shortest repetition that counts, in characters.
const minCopy = 3

// copies returns, for each position, the length of the longest following text that
// already occurred earlier.
func (g guess) copies() []int {
	n := len(g.plain)
	longest, same := make([]int, n), make([]int, n+1) // same[j]: what follows i and what follows j have in common
	for i := n - 1; i >= 0; i-- {
		for j := range i {
			if g.plain[i] == g.plain[j] {
				same[j] = same[j+1] + 1
			} else {
				same[j] = 0
			}
			longest[i] = max(longest[i], same[j])
		}
	}
	return longest
}

// words is a set of undisguised words.
type words map[string]bool

// wellKnown lists what people choose first: the words of the passwords that are chosen
// most, and phrases that everybody has heard.
var wellKnown = func() words {
	list := words{}
	for _, word := range strings.Fields(blocklist) {
		list[guessable(word).bare] = true
	}
	return list
}()

//go:embed blocklist.txt
var blocklist string

// factsOf returns the words of what is known about somebody. Initials are left out: they
// are part of too many other words.
func factsOf(known []string) words {
	facts := words{}
	for _, text := range known {
		for _, word := range strings.FieldsFunc(normalize(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len(word) >= 3 {
				facts[guessable(word).bare] = true
			}
		}
	}
	return facts
}
