package labpages

import (
	"context"

	"sessionlab/auth/lab"
)

// AttackNames returns the names of all attacks.
func AttackNames() (names []string) {
	for _, a := range attacks {
		names = append(names, a.name)
	}
	return names
}

// Harmless judges a sign-in that nobody attacks as if it were the attack of that
// name: what the site would let pass if its guard were gone.
func (l *Lab) Harmless(ctx context.Context, b *lab.Bench, name string) (held, in bool, err error) {
	if err := l.assault.ready(l.site); err != nil {
		return false, false, err
	}
	a, _ := attackOf(name)
	a.run = func(p *attackRun) (*heard, error) {
		b := p.browser("you")
		to, err := b.toCallback("/sessions")
		if err != nil {
			return nil, err
		}
		return b.back(to)
	}
	t, err := l.try(ctx, b, a, "127.0.0.1:0")
	return t.held, t.in, err
}
