package mod

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"phlb/engine/config"
)

// manifest asks the registry for a manifest, as any client would.
func (l *lab) manifest(host, version string) []byte {
	l.Helper()
	request, err := http.NewRequestWithContext(l.Context(), http.MethodGet, "http://"+host+"/v2/backup/acme/manifests/"+version, nil)
	l.must(err)
	request.Header.Set("Accept", ocispec.MediaTypeImageManifest)
	response, err := http.DefaultClient.Do(request)
	l.must(err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	l.must(err)
	return data
}

// What is pushed has a documented form, which anybody can look at.
func TestPublish(t *testing.T) {
	l := newLab(t)
	host := l.registry()
	l.write("acme/a.star", "a = 1\n")
	p := config.Publication{OCI: host + "/backup/acme", Source: "https://example.org/s", Licence: "MIT", Documentation: "https://example.org/d", Description: "what"}
	out, err := l.cache.Publish(t.Context(), l.path("acme"), p, "1.0.0", false)
	l.must(err)
	data := l.manifest(host, "1.0.0")
	sum := sha256.Sum256(data)
	if got := "sha256:" + hex.EncodeToString(sum[:]); got != out.Digest {
		t.Errorf("the manifest has the digest %s, want %s", got, out.Digest)
	}
	var manifest ocispec.Manifest
	l.must(json.Unmarshal(data, &manifest))
	want := map[string]string{
		"org.opencontainers.image.source": "https://example.org/s", "org.opencontainers.image.licenses": "MIT", "org.opencontainers.image.version": "1.0.0",
		"org.opencontainers.image.documentation": "https://example.org/d", "org.opencontainers.image.description": "what",
		"io.github.phlb.module.hash": string(out.Hash),
	}
	if fmt.Sprint(manifest.Annotations) != fmt.Sprint(want) {
		t.Errorf("annotations %v, want %v", manifest.Annotations, want)
	}
	if manifest.ArtifactType != "application/vnd.phlb.module.v1" || manifest.Config.MediaType != "application/vnd.oci.empty.v1+json" ||
		manifest.Layers[0].MediaType != "application/vnd.phlb.module.v1.tar+gzip" {
		t.Errorf("manifest %s", data)
	}
	// Any tar can read it.
	layer, err := http.Get("http://" + host + "/v2/backup/acme/blobs/" + manifest.Layers[0].Digest.String())
	l.must(err)
	defer layer.Body.Close()
	tar := exec.Command("tar", "-xzOf", "-")
	tar.Stdin = layer.Body
	if text, err := tar.Output(); err != nil || string(text) != "a = 1\n" {
		t.Errorf("tar writes %q, error %v", text, err)
	}
	l.write("acme/phlb.toml", "[modules]\nlab = { path = '../lab' }\n")
	_, err = l.cache.Publish(t.Context(), l.path("acme"), p, "1.1.0", false)
	l.wants(err, "phlb.toml: modules.lab: a path leads out of the module")
}

// A registry that lies about what it sends, or sends something else, is found out,
// and nothing of it is kept.
func TestLyingRegistry(t *testing.T) {
	l := newLab(t)
	host := l.registry()
	l.write("acme/a.star", "a = 1\n", "other/a.star", "a = 2\n")
	publish := func(folder, version string) *Published {
		out, err := l.cache.Publish(t.Context(), l.path(folder), config.Publication{OCI: host + "/backup/acme"}, version, false)
		l.must(err)
		return out
	}
	first, second := publish("acme", "1.0.0"), publish("other", "1.1.0")
	var lie func(r *http.Request, header http.Header, body []byte) []byte
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method != http.MethodGet {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if r.StatusCode == 200 {
			body = lie(r.Request, r.Header, body)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	toml := func(version string) string {
		return "[modules]\nacme = { oci = '" + strings.TrimPrefix(server.URL, "http://") + "/backup/acme', version = '" + version + "' }\n"
	}
	flip := func(body []byte) []byte {
		body = bytes.Clone(body)
		body[len(body)/2] ^= 1
		return body
	}
	manifests := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/manifests/") }
	for name, tt := range map[string]struct {
		lie  func(r *http.Request, header http.Header, body []byte) []byte
		want string
	}{
		"Manifest": {func(r *http.Request, _ http.Header, body []byte) []byte {
			if manifests(r) {
				return flip(body)
			}
			return body
		}, "the registry does not send the manifest sha256:"},
		"Layer": {func(r *http.Request, _ http.Header, body []byte) []byte {
			if !manifests(r) {
				return flip(body)
			}
			return body
		}, "the registry does not send the layer sha256:"},
		"Longer": {func(r *http.Request, _ http.Header, body []byte) []byte {
			if !manifests(r) {
				return append(body, "more"...)
			}
			return body
		}, "the registry does not send the layer sha256:"},
		"Cut": {func(r *http.Request, _ http.Header, body []byte) []byte {
			if !manifests(r) {
				return body[:len(body)/2]
			}
			return body
		}, "the registry does not send the layer sha256:"},
		"Type": {func(r *http.Request, header http.Header, body []byte) []byte {
			if !manifests(r) {
				return body
			}
			body = bytes.ReplaceAll(body, []byte("vnd.phlb.module.v1\""), []byte("vnd.phlb.module.v9\""))
			sum := sha256.Sum256(body)
			header.Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
			return body
		}, "is no module of phlb, which has the artifact type application/vnd.phlb.module.v1 and one layer"},
		"Large": {func(r *http.Request, header http.Header, body []byte) []byte {
			if !manifests(r) {
				return body
			}
			var manifest ocispec.Manifest
			json.Unmarshal(body, &manifest)
			manifest.Layers[0].Size = 1 << 30
			body, _ = json.Marshal(manifest)
			sum := sha256.Sum256(body)
			header.Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
			return body
		}, "it is larger than 64 MiB, which no module may be"},
	} {
		lie = tt.lie
		t.Run(name, func(t *testing.T) {
			l := &lab{t, l.dir, l.cache, l.environ}
			l.getFails(l.project(toml("1.0.0")), tt.want)
		})
	}
	if _, err := os.Stat(l.path("cache/modules")); err == nil {
		t.Error("something was kept")
	}
	// A tag that means something else by now does not matter: the digest is asked for.
	lie = func(_ *http.Request, _ http.Header, body []byte) []byte { return body }
	p := l.project(toml("1.0.0"))
	l.get(p)
	l.must(os.RemoveAll(l.cache.Dir))
	lie = func(r *http.Request, header http.Header, body []byte) []byte {
		if !manifests(r) || strings.HasSuffix(r.URL.Path, second.Digest) {
			return body
		}
		header.Set("Docker-Content-Digest", second.Digest)
		return l.manifest(host, "1.1.0")
	}
	_, err := l.open().Get(t.Context())
	if err == nil || strings.Contains(err.Error(), "a = 2") || l.open().lock["acme"].Digest != first.Digest {
		t.Errorf("another manifest: error %v", err)
	}
	if got := l.reads(l.open(), "acme", "a.star"); !strings.Contains(got, "phlb mod get fetches it") {
		t.Errorf("another manifest is read: %s", got)
	}
}

// HTTP without encryption leads to this machine alone.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	c := &Cache{Dir: t.TempDir(), PlainHTTP: true}
	for host, want := range map[string]bool{"127.0.0.1:5000": true, "localhost": true, "example.org": false, "10.0.0.1:5000": false, "localhost.example.org": false} {
		_, err := c.registry(host + "/a/b")
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "is not this machine") {
			t.Errorf("%s: error %v", host, err)
		}
	}
	// Nor does a registry here lead elsewhere, where it has moved to or gives out tokens.
	for name, answer := range map[string]http.HandlerFunc{
		"moved": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://registry.invalid"+r.URL.Path, http.StatusTemporaryRedirect)
		},
		"token": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://registry.invalid/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		server := httptest.NewServer(answer)
		defer server.Close()
		_, _, err := c.fetchOCI(t.Context(), config.Module{OCI: strings.TrimPrefix(server.URL, "http://") + "/a/b", Version: "1.0.0"}, "")
		if err == nil || !strings.Contains(err.Error(), "the registry leads to registry.invalid by http, which goes unencrypted") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	c.PlainHTTP = false
	if r, err := c.registry("localhost:5000/a/b"); err != nil || r.PlainHTTP {
		t.Errorf("%v, error %v", r, err)
	}
}

// A registry that asks who it is gets the credentials that docker would send.
func TestCredentials(t *testing.T) {
	l := newSoleLab(t)
	host := l.registry()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "geheim" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`, http.StatusUnauthorized)
			return
		}
		r.Host = host // for the addresses in answers
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	l.write("acme/a.star", "a = 1\n", "docker/config.json", "{}")
	t.Setenv("DOCKER_CONFIG", l.path("docker"))
	_, err := l.cache.Publish(t.Context(), l.path("acme"), config.Publication{OCI: host + "/backup/acme"}, "1.0.0", false)
	l.must(err)
	toml := "[modules]\nacme = { oci = '" + address + "/backup/acme', version = '1.0.0' }\n"
	l.getFails(l.project(toml), "the registry asks who you are, which docker login remembers")
	auth := base64.StdEncoding.EncodeToString([]byte("me:wrong"))
	l.write("docker/config.json", `{"auths": {"`+address+`": {"auth": "`+auth+`"}}}`)
	if _, err := l.project(toml).Get(t.Context()); err == nil || strings.Contains(err.Error(), "wrong") || strings.Contains(err.Error(), auth) {
		t.Errorf("error %v", err)
	}
	l.write("docker/config.json", `{"auths": {"`+address+`": {"auth": "`+base64.StdEncoding.EncodeToString([]byte("me:geheim"))+`"}}}`)
	l.get(l.project(toml))
	if got := l.reads(l.open(), "acme", "a.star"); got != "a = 1\n" {
		t.Errorf("read %q", got)
	}
	for _, kept := range []string{"cache", "project"} {
		l.must(filepath.WalkDir(l.path(kept), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, secret := range []string{"geheim", base64.StdEncoding.EncodeToString([]byte("me:geheim"))} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s keeps the password", path)
				}
			}
			return err
		}))
	}
}
