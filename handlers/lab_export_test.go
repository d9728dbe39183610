package handlers

// WaitForCosts returns when no run is under way.
func (l *Lab) WaitForCosts() { l.costs.Wait() }
