package handlerstest

// Uncertain checks that path answers 503 with Retry-After and sets no cookie.
func (b *Browser) Uncertain(path string) {
	b.Helper()
	if b.Wants(path, 503); b.Page.Header.Get("Retry-After") == "" {
		b.Errorf("%s: no Retry-After", path)
	}
	if len(b.SetCookies()) > 0 {
		b.Errorf("%s: a fault touched cookies: %v", path, b.SetCookies())
	}
}
