package oauth_test

import "testing"

// TestSecurity names what the site promises, by the numbers of its list.
func TestSecurity(t *testing.T) {
	for _, row := range []struct {
		name string
		test func(*testing.T)
	}{
		{"09 state missing", testStateMissing},
		{"09 state twice", testStateTwice},
		{"09 flow used once", testFlowUsedOnce},
		{"09 flow used once in parallel", testFlowUsedOnceInParallel},
		{"09 flow of another browser", testFlowOfAnotherBrowser},
		{"09 flow of another provider", testFlowOfAnotherProvider},
		{"09 flow of another state", testFlowOfAnotherState},
		{"09 flow expires at 10 minutes", testFlowExpires},
		{"09 sixth flow drops the oldest", testSixthFlow},
		{"09 worthless flows go first", testWorthlessFlowsGoFirst},
		{"07 flow is no session", testFlowIsNoSession},
		{"10 code needs its verifier", testCodeNeedsVerifier},
		{"10 iss on the callback", testIssuerOfCallback},
		{"11 ID token claims", testIDTokens},
		{"11 ID token signatures", testSignatures},
		{"13 next", testNext},
		{"16 provider refuses", testProviderRefuses},
		{"23 broken provider", testBrokenProvider},
		{"23 slow callback", testSlowCallback},
		{"23 discovery shared", testDiscoveryShared},
		{"23 discovery retried", testDiscoveryRetried},
	} {
		t.Run(row.name, row.test)
	}
}
