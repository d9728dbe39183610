// Package static serves the files that a browser loads once and keeps: one style sheet,
// one script and the icon. URLs of files contain a hash of the content, so browsers may
// cache them forever. There is no build step: the embedded files are concatenated and served as
// they are.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the path under which Assets answers.
const Prefix = "/static/"

//go:embed css/*.css js/*.js vendor/*.js icon.svg
var files embed.FS

// sources names the files of each asset, joined in the order of their names.
var sources = []struct {
	name, contentType string
	globs             []string
}{
	{"app.css", "text/css; charset=utf-8", []string{"css/*.css"}},
	{"app.js", "text/javascript; charset=utf-8", []string{"vendor/*.js", "js/*.js"}},
	{"icon.svg", "image/svg+xml", []string{"icon.svg"}},
}

// Assets holds the files in memory. It is an http.Handler for Prefix.
type Assets struct {
	urls  map[string]string // name → URL
	files map[string]*asset // URL → content
}

type asset struct {
	contentType string
	plain       []byte
	gzipped     func() []byte // compressed at the first request for it
}

// New reads the embedded files.
func New() (*Assets, error) {
	a := &Assets{urls: map[string]string{}, files: map[string]*asset{}}
	for _, s := range sources {
		content, err := join(s.globs)
		if err != nil {
			return nil, fmt.Errorf("static: %s: %w", s.name, err)
		}
		if s.contentType == "image/svg+xml" {
			// Inlined in the page because it is small: it saves a request, and none is
			// aborted when the visitor navigates away quickly.
			a.urls[s.name] = "data:image/svg+xml," + url.PathEscape(strings.TrimSpace(string(content)))
			continue
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(s.name)
		address := Prefix + strings.TrimSuffix(s.name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.urls[s.name] = address
		a.files[address] = &asset{s.contentType, content, sync.OnceValue(func() []byte { return compress(content) })}
	}
	return a, nil
}

// URL returns where the asset of that name ("app.css", "app.js") is served, and what
// "icon.svg" is drawn from; "" for any other name.
func (a *Assets) URL(name string) string { return a.urls[name] }

// ServeHTTP answers GET and HEAD for the URLs that URL returns, and 404 for
// every other path.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f := a.files[r.URL.Path]
	if f == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.contentType)
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body = f.gzipped()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client went away; there is nobody to tell
	}
}

func join(globs []string) ([]byte, error) {
	var b bytes.Buffer
	for _, glob := range globs {
		names, err := fs.Glob(files, glob) // sorted
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			content, err := files.ReadFile(name)
			if err != nil {
				return nil, err
			}
			b.Write(content)
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = z.Write(content)                               // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as gzip goes.
func acceptsGzip(headers []string) bool {
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") {
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSpace(weight), "=")
		q, err := strconv.ParseFloat(value, 64)
		return !strings.EqualFold(key, "q") || err != nil || q > 0
	}
	return false
}
