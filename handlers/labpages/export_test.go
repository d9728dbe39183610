package labpages

// WaitForCosts returns when no run is under way.
func (l *Lab) WaitForCosts() { l.costs.Wait() }

// Depth is depth, for tests.
var Depth = depth

// Target is target, for tests.
var Target = target
