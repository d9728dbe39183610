package oauth

// FlowCookie names a flow's cookie for tests that look into a browser.
func FlowCookie(state string) string { return flowCookie(state) }
