package main

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
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionlab/auth/devidp"
	"sessionlab/db/dbtest"
)

// A fleet is two instances of the program behind nginx, which is configured as
// docs/nginx.conf says, and a provider that is neither. It is reached at the address
// that people know, over TLS.
type fleet struct {
	testing.TB
	vars      []string // of both instances
	provider  string   // issuer
	dir       string
	balanced  string    // where nginx takes turns between the instances
	only      [2]string // where it sends to one of them
	addrs     [2]string // of the instances
	instances [2]*program
	roots     *x509.CertPool
	nginx     *exec.Cmd
	config    string // as nginx has it now, but for what changes
	changes   int    // of the configuration
}

const fleetURL, fleetHost = "https://app.example.com", "app.example.com"

func newFleet(t testing.TB, vars ...string) *fleet {
	t.Helper()
	dbtest.Installed(t, "nginx")
	f := &fleet{TB: t, dir: t.TempDir(), balanced: freeAddress(t)}
	f.serveProvider()
	f.vars = append([]string{
		"BASE_URL=" + fleetURL, "SESSION_KEYS=" + keyA, "TRUSTED_PROXIES=127.0.0.1/32", "DRAIN_DELAY=200ms",
		"OIDC_ISSUER=" + f.provider, "OIDC_CLIENT_ID=fleet", "OIDC_CLIENT_SECRET=a secret of the fleet",
	}, vars...)
	for i := range f.instances {
		f.addrs[i], f.only[i] = freeAddress(t), freeAddress(t)
		f.run(i)
	}
	f.serveNginx()
	return f
}

// run starts an instance, with some variables changed.
func (f *fleet) run(i int, changed ...string) {
	f.Helper()
	vars := append(append([]string{"ADDR=" + f.addrs[i]}, f.vars...), changed...)
	f.instances[i] = launch(f.TB, command(f.TempDir(), vars...))
	f.instances[i].open()
}

// serveProvider runs a provider on a port of its own.
func (f *fleet) serveProvider() {
	f.Helper()
	var p *devidp.Provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(w, r) }))
	f.Cleanup(server.Close)
	f.provider = server.URL + "/idp"
	p, err := devidp.New(f.provider, time.Now, devidp.Client{
		ID: "fleet", Secret: "a secret of the fleet", RedirectURIs: []string{fleetURL + "/sign-in/oidc/callback"},
	})
	if err != nil {
		f.Fatal(err)
	}
	server.Config.Handler = p
}

// serveNginx runs nginx with docs/nginx.conf, at other addresses,
// and beside it a way to each instance alone.
func (f *fleet) serveNginx() {
	f.Helper()
	shown, err := os.ReadFile("docs/nginx.conf")
	if err != nil {
		f.Fatal(err)
	}
	certificate, key := f.certify()
	snippet := string(shown)
	replace := func(old, by string) {
		if !strings.Contains(snippet, old) {
			f.Fatalf("docs/nginx.conf has no %q", old)
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
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // its workers would be somebody who may not write here
	}
	f.config = user + `daemon off;
pid nginx.pid;
worker_processes 2;
events { worker_connections 1024; }
http {
access_log off;
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
add_header X-Served-By $upstream_addr always;
add_header X-Configuration CHANGES always;
` + snippet + "}\n"
	f.configure(-1)
	log := &journal{}
	f.nginx = exec.Command("nginx", "-e", "stderr", "-p", f.dir, "-c", filepath.Join(f.dir, "nginx.conf"))
	f.nginx.Stderr = log
	if err := f.nginx.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		f.nginx.Process.Signal(syscall.SIGTERM)
		f.nginx.Wait()
		if f.Failed() {
			f.Log(log)
		}
	})
	poll(f, "nginx is there", func() bool {
		conn, err := net.Dial("tcp", f.balanced)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// configure writes the configuration, in which nginx sends nothing to one of the
// instances if there is one that is down.
func (f *fleet) configure(down int) {
	f.changes++
	config := strings.Replace(f.config, "CHANGES", strconv.Itoa(f.changes), 1)
	if down >= 0 {
		config = strings.Replace(config, f.addrs[down]+" ", f.addrs[down]+" down ", 1)
	}
	write(f, f.dir, "nginx.conf", config)
}

// reload has nginx take a new configuration, as an operator does.
func (f *fleet) reload(down int) {
	f.Helper()
	f.configure(down)
	f.nginx.Process.Signal(syscall.SIGHUP)
	probe := f.visit(f.balanced)
	poll(f, "nginx has the new configuration", func() bool {
		return probe.get("/healthz").header.Get("X-Configuration") == strconv.Itoa(f.changes)
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
	write(f, f.dir, "pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})))
	write(f, f.dir, "key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	parsed, err := x509.ParseCertificate(public)
	if err != nil {
		f.Fatal(err)
	}
	f.roots = x509.NewCertPool()
	f.roots.AddCert(parsed)
	return filepath.Join(f.dir, "pem"), filepath.Join(f.dir, "key")
}

// visit is somebody who reaches the site at one of nginx's addresses.
func (f *fleet) visit(at string) *visitor { return f.visitFrom("", at) }

// visitFrom is somebody with an IP address of their own.
func (f *fleet) visitFrom(ip, at string) *visitor {
	v := visit(f.TB, &program{base: fleetURL})
	var dialer net.Dialer
	if ip != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ip)}
	}
	v.http.Transport = &http.Transport{
		DisableKeepAlives: true, // what is sent on a connection while nginx closes it may be lost
		TLSClientConfig:   &tls.Config{RootCAs: f.roots},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == fleetHost+":443" {
				return dialer.DialContext(ctx, network, at)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	return v
}

// moved is v, with the same cookies, at another of nginx's addresses.
func (f *fleet) moved(v *visitor, at string) *visitor {
	again := f.visit(at)
	again.cookies = v.copied()
	return again
}

// servedBy is the instance that answered.
func (f *fleet) servedBy(p page) int {
	f.Helper()
	tried := strings.Split(p.header.Get("X-Served-By"), ", ")
	for i, addr := range f.addrs {
		if tried[len(tried)-1] == addr {
			return i
		}
	}
	f.Fatalf("%q served that", p.header.Get("X-Served-By"))
	return -1
}

// restart restarts one instance after the other, as the README says.
func (f *fleet) restart(changed ...string) {
	f.Helper()
	for i := range f.instances {
		f.reload(i)
		if code := f.instances[i].stop(); code != 0 {
			f.Errorf("exit code: got %d, want 0:\n%s", code, f.instances[i].log)
		}
		f.run(i, changed...)
		if got := f.visit(f.only[i]).get("/readyz").status; got != http.StatusOK {
			f.Errorf("/readyz of the instance that was started: got %d, want 200", got)
		}
		f.reload(-1)
		probe := f.visit(f.balanced)
		poll(f, "nginx sends it requests again", func() bool { return f.servedBy(probe.get("/healthz")) == i })
	}
}
