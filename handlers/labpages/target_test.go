package labpages_test

import (
	"reflect"
	"slices"
	"testing"

	"sessionlab/handlers/handlerstest"
	"sessionlab/handlers/labpages"
)

// The site that is attacked has every part of this one, except those that no attack may
// touch or needs.
func TestTargetForgetsNoPart(t *testing.T) {
	t.Parallel()
	without := []string{"Tokens", "Enrich", "Proxies", "Timing"}
	site := handlerstest.NewSite(t, "compare")
	target, err := labpages.Target(site.Site)
	handlerstest.Must(t, err)
	is, was := reflect.ValueOf(target).Elem(), reflect.ValueOf(site.Site).Elem()
	for i := range is.NumField() {
		field := is.Type().Field(i)
		if field.IsExported() && is.Field(i).IsZero() && !was.Field(i).IsZero() && !slices.Contains(without, field.Name) {
			t.Errorf("the site that is attacked has no %s", field.Name)
		}
	}
}
