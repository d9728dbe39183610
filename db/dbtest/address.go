package dbtest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreeAddress returns an address of this machine that no server listens on, and that no
// other call returns, in this process or another, until the test is over.
//
// The port is below those that the system chooses by itself, so that no connection or
// server of another test takes it before the caller does. A UDP socket with the same
// number holds it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	const lowest, highest = 20_000, 31_999
	for range 1_000 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.N(highest-lowest+1)))
		held, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			held.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { held.Close() })
		return address
	}
	t.Fatal("no port between 20000 and 31999 is free")
	return ""
}
