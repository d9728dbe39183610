package oauth

import (
	"net/url"
	"slices"
)

// shownNames are the parameters of the lab's requests that belong to no protocol.
var shownNames = []string{"next", "persona", "Sec-Purpose", "Sec-Fetch-Site"}

// Shown returns the parameters of a request in a flow, as a [Step] would have them.
func Shown(v url.Values) []Param {
	return params(v, slices.Concat(callbackNames, requestNames, shownNames))
}
