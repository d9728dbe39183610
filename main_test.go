package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// These tests run the whole program, as a process of its own: exit codes,
// signals and files are part of what it promises.

// asProgram makes the test binary be the program.
const asProgram = "SESSIONLAB_TEST_AS_PROGRAM=1"

func TestMain(m *testing.M) {
	if os.Getenv("SESSIONLAB_TEST_AS_PROGRAM") != "" {
		main()
		os.Exit(0)
	}
	code := m.Run()
	closeChrome()
	os.Exit(code)
}

// patience bounds every wait. Nothing waits that long unless it is broken.
const patience = 20 * time.Second

// A program is a running sessionlab.
type program struct {
	testing.TB
	cmd    *exec.Cmd
	base   string // origin
	banner []string
	log    *journal
	opened chan bool
	exited chan struct{}
}

// command prepares the program to run in dir with exactly these variables, and
// without waiting for balancers when it stops, unless they say otherwise.
func command(dir string, vars ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Dir, cmd.Env = dir, append([]string{asProgram, "DRAIN_DELAY=0s"}, vars...)
	return cmd
}

// start runs the program in dir on a free port and waits until it is open.
func start(t testing.TB, dir string, vars ...string) *program {
	t.Helper()
	p := launch(t, command(dir, append([]string{"ADDR=localhost:0"}, vars...)...))
	p.open()
	return p
}

// launch starts the program and does not wait.
func launch(t testing.TB, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{TB: t, cmd: cmd, log: &journal{}, opened: make(chan bool, 2), exited: make(chan struct{})}
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.banner = append(p.banner, lines.Text())
			if at, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
				p.base = strings.TrimSuffix(at, "/")
				p.opened <- true
			}
		}
		p.opened <- false
		cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

// open waits until the program serves.
func (p *program) open() {
	p.Helper()
	select {
	case ok := <-p.opened:
		if !ok {
			p.Fatalf("the program did not start:\n%s", p.log)
		}
	case <-time.After(patience):
		p.Fatalf("the program was not open after %s:\n%s", patience, p.log)
	}
}

// stop asks the program to end, as an operator would, and returns its exit code.
func (p *program) stop() int {
	p.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	p.Helper()
	p.cmd.Process.Kill()
	p.wait()
}

func (p *program) wait() int {
	p.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.Fatalf("the program did not end within %s:\n%s", patience, p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

// says returns what the banner says about a subject.
func (p *program) says(subject string) string {
	for _, line := range p.banner {
		if about, text, _ := strings.Cut(line, " "); about == subject {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

// A journal keeps what a program writes while it is being read.
type journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{}
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// await waits until the journal contains text.
func (j *journal) await(t testing.TB, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		j.mu.Lock()
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		found, grown := strings.Contains(j.text.String(), text), j.grown
		j.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%q did not appear within %s:\n%s", text, patience, j)
		}
	}
}

// A visitor is a browser without a screen. It keeps Secure cookies on
// http://localhost, as real ones do.
type visitor struct {
	testing.TB
	base    string
	http    http.Client
	mu      sync.Mutex
	cookies map[string]string
	asked   atomic.Int64
}

// A page is an answer, read to its end.
type page struct {
	status int
	header http.Header
	body   string
	last   bool // on its connection
}

func visit(t testing.TB, p *program) *visitor {
	v := &visitor{TB: t, base: p.base, cookies: map[string]string{}}
	v.http = http.Client{
		Jar: v, Timeout: patience, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(v.http.CloseIdleConnections)
	return v
}

// at is the same visitor after the program was started anew.
func (v *visitor) at(p *program) *visitor {
	again := visit(v.TB, p)
	again.cookies = v.copied()
	return again
}

// thief is somebody else with a copy of v's cookies.
func (v *visitor) thief() *visitor {
	t := visit(v.TB, &program{base: v.base})
	t.cookies = v.copied()
	return t
}

func (v *visitor) copied() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := map[string]string{}
	for name, value := range v.cookies {
		out[name] = value
	}
	return out
}

// SetCookies and Cookies make the visitor its own [http.CookieJar].
func (v *visitor) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c.Value
		}
	}
}

func (v *visitor) Cookies(*url.URL) (out []*http.Cookie) {
	for name, value := range v.copied() {
		out = append(out, &http.Cookie{Name: name, Value: value})
	}
	return out
}

func (v *visitor) try(method, path string, form url.Values) (page, error) {
	if strings.HasPrefix(path, "/") {
		path = v.base + path
	}
	req, err := http.NewRequest(method, path, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	v.asked.Add(1)
	resp, err := v.http.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return page{resp.StatusCode, resp.Header, string(body), resp.Close}, err
}

func (v *visitor) get(path string) page { return v.must("GET", path, nil) }

func (v *visitor) post(path string, pairs ...string) page {
	v.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.must("POST", path, form)
}

func (v *visitor) must(method, path string, form url.Values) page {
	v.Helper()
	p, err := v.try(method, path, form)
	if err != nil {
		v.Fatal(err)
	}
	return p
}

// wants asks for a page and says when the answer is another one.
func (v *visitor) wants(path string, status int, contains ...string) page {
	v.Helper()
	p := v.get(path)
	if p.status != status {
		v.Errorf("GET %s: got %d, want %d: %s", path, p.status, status, p.body)
	}
	for _, text := range contains {
		if !strings.Contains(p.body, text) {
			v.Errorf("GET %s: want %q in: %s", path, text, p.body)
		}
	}
	return p
}

var errSignIn = errors.New("sign-in went astray")

// trySignIn goes through the embedded provider, step by step as a browser would.
func (v *visitor) trySignIn(persona string) error {
	back, err := v.tryToCallback("dev", persona)
	if err != nil {
		return err
	}
	return v.tryCallback(back)
}

// tryToCallback signs in at a provider and returns where that sends the browser.
func (v *visitor) tryToCallback(provider, persona string) (string, error) {
	started, err := v.try("POST", "/sign-in/"+provider, nil)
	if err != nil {
		return "", err
	}
	at, err := url.Parse(started.header.Get("Location"))
	if err != nil {
		return "", err
	}
	chooser, err := v.try("GET", at.String(), nil)
	if err != nil {
		return "", err
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(chooser.body))
	if err != nil {
		return "", err
	}
	form := url.Values{"persona": {persona}}
	doc.Find("input[type=hidden]").Each(func(_ int, s *goquery.Selection) {
		form.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	action, err := at.Parse(doc.Find("form").AttrOr("action", ""))
	if err != nil {
		return "", err
	}
	chosen, err := v.try("POST", action.String(), form)
	return chosen.header.Get("Location"), err
}

func (v *visitor) tryCallback(to string) error {
	back, err := v.try("GET", to, nil)
	if err != nil {
		return err
	}
	if to := back.header.Get("Location"); back.status != http.StatusSeeOther || strings.HasPrefix(to, "/sign-in") {
		return fmt.Errorf("%w: %d %s", errSignIn, back.status, to)
	}
	return nil
}

func (v *visitor) signIn(persona string) {
	v.Helper()
	if err := v.trySignIn(persona); err != nil {
		v.Fatal(err)
	}
}

// files lists what lies in a directory.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
