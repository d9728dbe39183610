package auth

import (
	"strings"
	"unicode"
)

// unseen lists invisible characters that no script or emoji needs: those that override
// the direction of what stands around them (UAX #9 §2), and others without a glyph.
// Joiners, directional marks, variation selectors and tags are not among them.
var unseen = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00ad, Hi: 0x00ad, Stride: 1}, // soft hyphen
		{Lo: 0x202a, Hi: 0x202e, Stride: 1}, // embeddings and overrides
		{Lo: 0x2060, Hi: 0x206f, Stride: 1}, // invisible operators, isolates, and what is deprecated
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1}, // byte order mark
		{Lo: 0xfff9, Hi: 0xfffb, Stride: 1}, // annotations
	},
	LatinOffset: 1,
}

// continues are characters that belong to the one before: marks, joiners, and what gives
// an emoji its colour or a flag its letters.
var continues = []*unicode.RangeTable{unicode.M, unicode.Join_Control, {
	R32: []unicode.Range32{{Lo: 0x1f3fb, Hi: 0x1f3ff, Stride: 1}, {Lo: 0xe0020, Hi: 0xe007f, Stride: 1}},
}}

const zeroWidthJoiner = '\u200d'

// plain returns what somebody wrote about themselves as one line of at most max
// characters that is safe to show: every kind of space is a space, bytes that are no text
// are U+FFFD, and what cannot be seen and is not needed is gone. It is empty if nothing
// can be seen. It removes what is known to be bad instead of keeping only what is known
// to be good, because Unicode grows every year.
func plain(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsControl(r) && !unicode.In(r, unseen, unicode.Noncharacter_Code_Point) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = shorten([]rune(strings.Join(strings.Fields(s), " ")), max)
	if !strings.ContainsFunc(s, isVisible) {
		return ""
	}
	return s
}

func isVisible(r rune) bool {
	return !unicode.In(r, unicode.M, unicode.Z, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

// shorten truncates s to max runes without separating marks and joiners from their base
// character, unless that one character alone is longer than max.
func shorten(s []rune, max int) string {
	if len(s) <= max {
		return string(s)
	}
	end := max
	for end > 0 && (unicode.In(s[end], continues...) || s[end-1] == zeroWidthJoiner) {
		end--
	}
	if end == 0 {
		end = max
	}
	return strings.TrimSpace(string(s[:end]))
}
