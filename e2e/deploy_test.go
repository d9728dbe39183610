package e2e

import (
	"bytes"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sessionlab/db/dbtest"
)

// TestSystemdUnit checks the unit file with systemd-analyze.
func TestSystemdUnit(t *testing.T) {
	dbtest.RequireCommand(t, "systemd-analyze")
	unit, err := os.ReadFile("../deploy/sessionlab.service")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	Write(t, dir, "sessionlab.service", strings.Replace(string(unit), "ExecStart=/usr/local/bin/sessionlab", "ExecStart="+binary, 1))
	out, err := exec.Command("systemd-analyze", "verify", filepath.Join(dir, "sessionlab.service")).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// Caddy, as the Caddyfile has it, sends people to an instance that is ready, and the site
// sees where they come from.
func TestCaddy(t *testing.T) {
	dbtest.RequireCommand(t, "caddy")
	written, err := os.ReadFile("../deploy/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	at, first, second := dbtest.FreeAddress(t), dbtest.FreeAddress(t), dbtest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	base := "https://app.example.com:" + port
	config := strings.NewReplacer("app.example.com {", "app.example.com:"+port+" {\n\ttls internal", "127.0.0.1:8081", first, "127.0.0.1:8082", second).Replace(string(written))
	dir := t.TempDir()
	Write(t, dir, "Caddyfile", "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n"+config)
	log := &Journal{}
	caddy := exec.Command("caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile")
	caddy.Dir, caddy.Stderr = dir, log
	caddy.Env = []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	if err := caddy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		caddy.Process.Signal(syscall.SIGTERM)
		caddy.Wait()
		if t.Failed() {
			t.Log(log)
		}
	})
	issuer := serveOpenID(t, "oidc", base)
	Start(t, command(t.TempDir(), StoredOnly, "ADDR="+second, "BASE_URL="+base, "SESSION_KEYS="+KeyA, "TRUSTED_PROXIES=127.0.0.1/32",
		"OIDC_ISSUER="+issuer, "OIDC_CLIENT_ID=oidc", "OIDC_CLIENT_SECRET=a secret of oidc"))

	ca := filepath.Join(dir, "caddy/pki/authorities/local/root.crt")
	dbtest.Poll(t, "Caddy has made its certificate", func() bool { _, err := os.Stat(ca); return err == nil })
	certificate, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	v := Visit(t, &Program{Base: base})
	v.Client.Transport = through(at, "app.example.com:"+port, "", roots)
	dbtest.Poll(t, "Caddy knows which instance is ready", func() bool {
		page, err := v.try("GET", "/sign-in", nil)
		return err == nil && page.Status == 200
	})
	if back, err := v.tryToCallback("oidc", "grace"); err != nil || v.tryCallback(back) != nil {
		t.Fatalf("signing in failed: %v", err)
	}
	v.Wants("/dashboard", 200, "Grace Hopper")
}

// getSignIn requests the sign-in page at address at with the Host header host.
func getSignIn(t *testing.T, at, host string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+at+"/sign-in", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the sign-in page: got %d", answer.StatusCode)
	}
}

// A machine without CA roots trusts no provider, and the log says why.
func TestNoRoots(t *testing.T) {
	provider := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(provider.Close)
	at := dbtest.FreeAddress(t)
	p := Start(t, command(t.TempDir(), StoredOnly, "ADDR="+at, "BASE_URL=https://app.example.com", "SESSION_KEYS="+KeyA,
		"OIDC_ISSUER="+provider.URL, "OIDC_CLIENT_ID=oidc", "SSL_CERT_FILE=/none", "SSL_CERT_DIR=/none"))
	getSignIn(t, at, "app.example.com")
	p.Log.Await(t, "this machine has no CA roots")
}

// The program runs as in its image: a root of its own that holds the program, the CA roots
// and a folder, all read-only but the folder, and a user without rights.
func TestContainer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs the right to change the root folder")
	}
	roots, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		dbtest.Missing(t, "no CA roots: install ca-certificates")
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("/tmp", "sessionlab-root-") // the folders above it are open to everybody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for name, content := range map[string][]byte{"sessionlab": program, "etc/ssl/certs/ca-certificates.crt": roots} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o555); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), content, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	const user = 65532
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "data"), user, user); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	at := dbtest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	contained := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/sessionlab", args...)
		cmd.Err = nil // the path exists only inside the new root
		cmd.Dir, cmd.Env = "/data", []string{
			"ADDR=0.0.0.0:" + port, "BASE_URL=https://app.example.com", "SESSION_KEYS=" + KeyA, "DRAIN_DELAY=0s",
			"OIDC_ISSUER=https://issuer.example", "OIDC_CLIENT_ID=oidc",
		}
		cmd.Env = append(cmd.Env, StoredOnly)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}}
		return cmd
	}
	if out, err := contained("healthcheck").CombinedOutput(); err == nil || !bytes.HasPrefix(out, []byte("sessionlab: ")) || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("before the start: got %v, %q, want a failure in one line", err, out)
	}
	p := Start(t, contained())
	if out, err := contained("healthcheck").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("while it runs: got %v, %q", err, out)
	}
	getSignIn(t, at, "app.example.com")
	p.Log.Await(t, "no resolver answers on this machine") // the root has no /etc/resolv.conf
	if got := p.Stop(); got != 0 {
		t.Errorf("exit code: got %d, want 0", got)
	}
	if got := Files(t, filepath.Join(root, "data")); len(got) != 1 || got[0] != "sessionlab.db" {
		t.Errorf("left %q in its folder, want the database", got)
	}
}
