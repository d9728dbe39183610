package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionlab/db/dbtest"
)

// A fleet is two instances of the program behind nginx, which is configured as
// deploy/nginx.conf says, and a separate OpenID provider. The fleet is reached at its
// public address over TLS.
type fleet struct {
	testing.TB
	vars      []string // of both instances
	provider  string   // issuer
	dir       string
	balanced  string    // where nginx takes turns between the instances
	only      [2]string // where it sends to one of them
	addrs     [2]string // of the instances
	instances [2]*Program
	roots     *x509.CertPool
	nginx     *exec.Cmd
	config    string // the nginx configuration, without the part that changes
	changes   int    // of the configuration
}

const fleetURL, fleetHost = "https://app.example.com", "app.example.com"

func newFleet(t testing.TB, vars ...string) *fleet {
	t.Helper()
	dbtest.RequireCommand(t, "nginx")
	f := &fleet{TB: t, dir: t.TempDir(), balanced: dbtest.FreeAddress(t)}
	f.provider = serveOpenID(t, "oidc", fleetURL)
	f.vars = append([]string{
		"BASE_URL=" + fleetURL, "SESSION_KEYS=" + KeyA, "TRUSTED_PROXIES=127.0.0.1/32", "DRAIN_DELAY=200ms",
		"OIDC_ISSUER=" + f.provider, "OIDC_CLIENT_ID=oidc", "OIDC_CLIENT_SECRET=a secret of oidc",
	}, vars...)
	for i := range f.instances {
		f.addrs[i], f.only[i] = dbtest.FreeAddress(t), dbtest.FreeAddress(t)
		f.run(i)
	}
	f.serveNginx()
	return f
}

// run starts an instance, with some variables changed.
func (f *fleet) run(i int, changed ...string) {
	f.Helper()
	vars := append(append([]string{"ADDR=" + f.addrs[i]}, f.vars...), changed...)
	f.instances[i] = Start(f.TB, command(f.TempDir(), vars...))
}

// serveNginx runs nginx with deploy/nginx.conf, at other addresses,
// and beside it a way to each instance alone.
func (f *fleet) serveNginx() {
	f.Helper()
	shown, err := os.ReadFile("../deploy/nginx.conf")
	if err != nil {
		f.Fatal(err)
	}
	certificate, key := f.certify()
	snippet := string(shown)
	replace := func(old, by string) {
		if !strings.Contains(snippet, old) {
			f.Fatalf("deploy/nginx.conf has no %q", old)
		}
		snippet = strings.ReplaceAll(snippet, old, by)
	}
	replace("server 127.0.0.1:8081 fail", "server "+f.addrs[0]+" fail")
	replace("server 127.0.0.1:8082 fail", "server "+f.addrs[1]+" fail")
	replace("/etc/ssl/app.example.com.pem", certificate)
	replace("/etc/ssl/app.example.com.key", key)
	const listen, upstream = "listen 443 ssl;", "proxy_pass http://sessionlab;"
	_, server, _ := strings.Cut(snippet, "\nserver ")
	replace(listen, "listen "+f.balanced+" ssl;")
	for i := range f.only {
		one := strings.NewReplacer(listen, "listen "+f.only[i]+" ssl;", upstream, "proxy_pass http://"+f.addrs[i]+";").Replace(server)
		snippet += "\nserver " + one
	}
	f.config = nginxConfig("add_header X-Served-By $upstream_addr always;\nadd_header X-Configuration CHANGES always;\n" + snippet)
	f.configure(-1)
	f.nginx = startNginx(f, f.dir, f.balanced)
}

// nginxConfig is a configuration for [startNginx] with this in its http block.
func nginxConfig(block string) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // its workers would be somebody who may not write here
	}
	return user + `daemon off;
pid nginx.pid;
worker_processes 2;
events { worker_connections 1024; }
http {
access_log off;
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
` + block + "}\n"
}

// startNginx runs nginx in dir, with the nginx.conf there, until the test is over. It
// returns when address accepts connections.
func startNginx(t testing.TB, dir, address string) *exec.Cmd {
	t.Helper()
	log := &Journal{}
	nginx := exec.Command("nginx", "-e", "stderr", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	nginx.Stderr = log
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nginx.Process.Signal(syscall.SIGTERM)
		nginx.Wait()
		if t.Failed() {
			t.Log(log)
		}
	})
	dbtest.Poll(t, "nginx is there", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return nginx
}

// configure writes the nginx configuration, with the instance down, if any, marked as
// down.
func (f *fleet) configure(down int) {
	f.changes++
	config := strings.Replace(f.config, "CHANGES", strconv.Itoa(f.changes), 1)
	if down >= 0 {
		config = strings.Replace(config, f.addrs[down]+" ", f.addrs[down]+" down ", 1)
	}
	Write(f, f.dir, "nginx.conf", config)
}

// reload has nginx take a new configuration, as an operator does.
func (f *fleet) reload(down int) {
	f.Helper()
	f.configure(down)
	f.nginx.Process.Signal(syscall.SIGHUP)
	probe := f.visit(f.balanced)
	dbtest.Poll(f, "nginx has the new configuration", func() bool {
		return probe.Get("/healthz").header.Get("X-Configuration") == strconv.Itoa(f.changes)
	})
}

// certify makes a certificate for the site that its visitors trust.
func (f *fleet) certify() (certificate, key string) {
	f.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: fleetHost}, DNSNames: []string{fleetHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	public, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		f.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		f.Fatal(err)
	}
	Write(f, f.dir, "pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})))
	Write(f, f.dir, "key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	parsed, err := x509.ParseCertificate(public)
	if err != nil {
		f.Fatal(err)
	}
	f.roots = x509.NewCertPool()
	f.roots.AddCert(parsed)
	return filepath.Join(f.dir, "pem"), filepath.Join(f.dir, "key")
}

// visit returns a new visitor who connects to the nginx address at.
func (f *fleet) visit(at string) *Visitor { return f.visitFrom("", at) }

// visitFrom is somebody with an IP address of their own.
func (f *fleet) visitFrom(ip, at string) *Visitor {
	v := Visit(f.TB, &Program{Base: fleetURL})
	v.Client.Transport = through(at, fleetHost+":443", ip, f.roots)
	return v
}

// through returns a transport that trusts roots, and that connects to address at for
// requests to host, from the local address ip unless it is empty.
func through(at, host, ip string, roots *x509.CertPool) *http.Transport {
	var dialer net.Dialer
	if ip != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ip)}
	}
	return &http.Transport{
		DisableKeepAlives: true, // what is sent on a connection while nginx closes it may be lost
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == host {
				return dialer.DialContext(ctx, network, at)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
}

// moved returns a visitor with v's cookies who connects to the nginx address at.
func (f *fleet) moved(v *Visitor, at string) *Visitor {
	again := f.visit(at)
	again.Carries = v.Copied()
	return again
}

// servedBy is the instance that answered.
func (f *fleet) servedBy(p Page) int {
	f.Helper()
	tried := strings.Split(p.header.Get("X-Served-By"), ", ")
	for i, addr := range f.addrs {
		if tried[len(tried)-1] == addr {
			return i
		}
	}
	f.Fatalf("X-Served-By: got %q, want one of the instances", p.header.Get("X-Served-By"))
	return -1
}

// restart restarts one instance after the other, as docs/deploy.md says.
func (f *fleet) restart(changed ...string) {
	f.Helper()
	for i := range f.instances {
		f.reload(i)
		if code := f.instances[i].Stop(); code != 0 {
			f.Errorf("exit code: got %d, want 0:\n%s", code, f.instances[i].Log)
		}
		f.run(i, changed...)
		if got := f.visit(f.only[i]).Get("/readyz").Status; got != http.StatusOK {
			f.Errorf("/readyz of the instance that was started: got %d, want 200", got)
		}
		f.reload(-1)
		probe := f.visit(f.balanced)
		dbtest.Poll(f, "nginx sends it requests again", func() bool { return f.servedBy(probe.Get("/healthz")) == i })
	}
}
