package auth

// HoldUp has every hash wait until it is told to go on. What it returns yields the
// password of each hash that has begun.
func (p *Passwords) HoldUp(goOn <-chan struct{}) (begun <-chan string) {
	began := make(chan string, 1000)
	p.key = func(password, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte {
		began <- string(password)
		<-goOn
		return nil
	}
	return began
}
