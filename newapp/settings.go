package main

import (
	"regexp"
	"slices"
	"strings"

	"sessionlab/auth"
)

// settings knows the strategies and the environment variables that the application does
// not have.
type settings struct {
	strategy string // the one that stays
	gone     []string
}

// variable matches the tag of a setting in config.go.
var variable = regexp.MustCompile("`env:\"([A-Z0-9_]+)\"")

// onlyTag matches a field of the configuration that only some strategies use.
var onlyTag = regexp.MustCompile("(?m)^\t(\\w+) +\\w+ +`env:.* only:\"([^\"]*)\"`$")

// unused returns the keys of the fields of the configuration that the strategy that stays
// does not use.
func (s *settings) unused(all tree) (keys []string) {
	for _, match := range onlyTag.FindAllSubmatch(all["config.go"].content, -1) {
		if !slices.Contains(strings.Fields(string(match[2])), s.strategy) {
			keys = append(keys, oldModule+".config."+string(match[1]))
		}
	}
	return keys
}

// read finds the variables that are in the configuration of sessionlab and not in that of
// files.
func (s *settings) read(all, files tree) {
	s.gone = nil
	is := variables(files)
	for _, name := range variables(all) {
		if !slices.Contains(is, name) {
			s.gone = append(s.gone, name)
		}
	}
}

func variables(files tree) (names []string) {
	for _, match := range variable.FindAllSubmatch(files["config.go"].content, -1) {
		names = append(names, string(match[1]))
	}
	return names
}

// isForeign reports whether a text names or sets what is gone: another strategy, or a
// variable.
func (s *settings) isForeign(text string) bool {
	if slices.Contains(strategies(), text) {
		return text != s.strategy
	}
	if kind, _ := auth.KindOf(s.strategy); !kind.Database && strings.HasSuffix(text, "_database") { // a code of a refusal
		return true
	}
	for word := range strings.FieldsSeq(text) {
		name, value, isSetting := strings.Cut(word, "=")
		if isSetting && slices.Contains(s.gone, name) || name == "SESSION_STRATEGY" && slices.Contains(strategies(), value) && value != s.strategy {
			return true
		}
	}
	return slices.Contains(s.gone, text)
}
