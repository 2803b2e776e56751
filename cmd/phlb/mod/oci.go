package mod

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"

	"github.com/dustin/go-humanize"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"

	"phlb/cmd/phlb/mod/git"
	"phlb/engine/config"
)

// What a module is in a registry: an image manifest of that artifact type, with an
// empty config and one layer.
const (
	ArtifactType = "application/vnd.phlb.module.v1"
	LayerType    = "application/vnd.phlb.module.v1.tar+gzip"
)

// maxManifest is how large a manifest may be.
const maxManifest = 4 << 20

// encrypted refuses what would leave this machine unencrypted, wherever a registry leads
// to: by a redirection, or for a token.
type encrypted struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (e encrypted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !config.Loopback(r.URL.Hostname()) {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("the registry leads to %s by http, which goes unencrypted, and only to this machine", r.URL.Host)
	}
	return e.RoundTripper.RoundTrip(r)
}

// registry opens a repository, with the credentials that docker would use.
func (c *Cache) registry(reference string) (*remote.Repository, error) {
	repository, err := remote.NewRepository(reference)
	if err != nil {
		return nil, err
	}
	host := repository.Reference.Registry
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if repository.PlainHTTP = c.PlainHTTP; c.PlainHTTP && !config.Loopback(host) {
		return nil, fmt.Errorf("%s is not this machine, and --plain-http would let others change what comes from there", host)
	}
	client := &auth.Client{Client: &http.Client{Transport: encrypted{retry.NewTransport(nil)}}, Cache: auth.NewCache()}
	client.SetUserAgent("phlb")
	if store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{}); err == nil {
		client.Credential = credentials.Credential(store)
	} // without, the registry says whether it needs them
	repository.Client = client
	return repository, nil
}

// fetchOCI gets a module from a registry: that of a tag, or if a digest is given,
// of the manifest that has it. It returns the digest of the manifest, too.
func (c *Cache) fetchOCI(ctx context.Context, m config.Module, pinned string) (files, string, error) {
	repository, err := c.registry(m.OCI)
	if err != nil {
		return nil, "", err
	}
	reference := m.Version
	if pinned != "" {
		reference = pinned
	}
	desc, body, err := repository.Manifests().FetchReference(ctx, reference)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, "", fmt.Errorf("there is no %s in %s", reference, m.OCI)
	}
	if err != nil {
		return nil, "", short(err)
	}
	defer body.Close()
	if desc.Size > maxManifest {
		return nil, "", fmt.Errorf("its manifest is larger than %s", humanize.IBytes(maxManifest))
	}
	data, err := content.ReadAll(body, desc)
	if err != nil {
		return nil, "", fmt.Errorf("the registry does not send the manifest %s that it names: %w", desc.Digest, err)
	}
	if pinned != "" && desc.Digest.String() != pinned {
		return nil, "", fmt.Errorf("the registry sends %s for %s", desc.Digest, pinned)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, "", fmt.Errorf("its manifest: %w", err)
	}
	if manifest.ArtifactType != ArtifactType || len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != LayerType {
		return nil, "", fmt.Errorf("%s:%s is no module of phlb, which has the artifact type %s and one layer of the type %s", m.OCI, m.Version, ArtifactType, LayerType)
	}
	layer := manifest.Layers[0]
	if layer.Size > maxBytes {
		return nil, "", fmt.Errorf("it is larger than %s, which no module may be", humanize.IBytes(maxBytes))
	}
	packed, err := content.FetchAll(ctx, repository.Blobs(), layer)
	if err != nil {
		return nil, "", fmt.Errorf("the registry does not send the layer %s that its manifest names: %w", layer.Digest, short(err))
	}
	f, err := unpack(bytes.NewReader(packed))
	return f, desc.Digest.String(), err
}

// short leaves out what a request might tell of credentials.
func short(err error) error {
	text := git.Redact(err.Error())
	if errors.Is(err, auth.ErrBasicCredentialNotFound) {
		text += ": the registry asks who you are, which docker login remembers"
	}
	return errors.New(text)
}

// ociVersions lists the tags of a repository that are versions.
func (c *Cache) ociVersions(ctx context.Context, reference string) (found []string, err error) {
	repository, err := c.registry(reference)
	if err != nil {
		return nil, err
	}
	err = repository.Tags(ctx, "", func(tags []string) error {
		for _, tag := range tags {
			if config.CheckVersion(tag) == nil {
				found = append(found, tag)
			}
		}
		return nil
	})
	if err != nil {
		return nil, short(err)
	}
	return found, nil
}

// unpack reads the layer of a module, and nothing but regular files.
func unpack(packed io.Reader) (files, error) {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("its layer: %w", err)
	}
	g := gather()
	r := tar.NewReader(io.LimitReader(z, 2*maxBytes)) // headers and padding count, too
	for {
		h, err := r.Next()
		if err == io.EOF {
			if _, err := io.CopyN(io.Discard, z, maxBytes); err != io.EOF { // the end has a checksum
				return nil, fmt.Errorf("its layer does not end: %w", cmp.Or(err, errTooLong))
			}
			return g.finish()
		}
		if err != nil {
			return nil, fmt.Errorf("its layer: %w", err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			continue // is made where it is needed
		case tar.TypeReg:
		default:
			return nil, fmt.Errorf("its layer: %s is no regular file", h.Name)
		}
		if left(h.Name) {
			return nil, fmt.Errorf("its layer: %s belongs to no module", h.Name)
		}
		if err := g.check(h.Name, h.Size); err != nil {
			return nil, err
		}
		data := make([]byte, h.Size)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, fmt.Errorf("its layer: %s: %w", h.Name, err)
		}
		g.files[h.Name] = data
	}
}

var errTooLong = errors.New("there is too much behind its files")

// pack makes the layer of a module: equal files make equal bytes.
func pack(f files) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(f[name])), Format: tar.FormatPAX}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Published is a module that lies in a registry now.
type Published struct {
	OCI     string `json:"oci"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // of the manifest
	Hash    Hash   `json:"hash"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Already bool   `json:"already"` // it was there as it is
}

// Publish pushes the module in a folder to a registry, under a version that is
// not there yet: one that is there stays what it is. With dry, nothing is sent.
func (c *Cache) Publish(ctx context.Context, dir string, p config.Publication, version string, dry bool) (*Published, error) {
	m := config.Module{OCI: p.OCI, Version: version}
	if err := m.Check(); err != nil {
		return nil, err
	}
	f, err := readFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", dir, err)
	}
	if data, ok := f[config.FileName]; ok { // whoever fetches it would be told, too late
		if _, err := config.ParseModules(config.FileName, data); err != nil {
			return nil, fmt.Errorf("publish %s: %w", dir, err)
		}
	}
	out := &Published{OCI: p.OCI, Version: version, Hash: f.listing().hash(), Files: len(f)}
	for _, data := range f {
		out.Bytes += int64(len(data))
	}
	packed, err := pack(f)
	if err != nil {
		return nil, err
	}
	layer := content.NewDescriptorFromBytes(LayerType, packed)
	manifest := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ArtifactType, Config: ocispec.DescriptorEmptyJSON,
		Layers: []ocispec.Descriptor{layer}, Annotations: map[string]string{},
	}
	manifest.SchemaVersion = 2
	for key, value := range map[string]string{
		ocispec.AnnotationVersion: version, ocispec.AnnotationSource: p.Source, ocispec.AnnotationLicenses: p.Licence,
		ocispec.AnnotationDocumentation: p.Documentation, ocispec.AnnotationDescription: p.Description, HashAnnotation: string(out.Hash),
	} {
		if value != "" {
			manifest.Annotations[key] = value
		}
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, data)
	out.Digest = desc.Digest.String()
	repository, err := c.registry(p.OCI)
	if err != nil || dry {
		return out, err
	}
	there, err := repository.Resolve(ctx, version)
	switch {
	case err == nil && there.Digest == desc.Digest:
		out.Already = true
		return out, nil
	case err == nil:
		return nil, fmt.Errorf("%s has a %s already, and it is another: a version stays what it is, publish this as the next one", p.OCI, version)
	case !errors.Is(err, errdef.ErrNotFound):
		return nil, fmt.Errorf("publish to %s: %w", p.OCI, short(err))
	}
	for _, blob := range []struct {
		desc ocispec.Descriptor
		data []byte
	}{{ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data}, {layer, packed}} {
		if exists, err := repository.Exists(ctx, blob.desc); err == nil && exists {
			continue
		}
		if err := repository.Push(ctx, blob.desc, bytes.NewReader(blob.data)); err != nil {
			return nil, fmt.Errorf("publish to %s: %w", p.OCI, short(err))
		}
	}
	if err := repository.PushReference(ctx, desc, bytes.NewReader(data), version); err != nil {
		return nil, fmt.Errorf("publish to %s: %w", p.OCI, short(err))
	}
	return out, nil
}

// HashAnnotation names the annotation of a manifest that tells the hash of a
// module, for people: what is fetched is hashed anew.
const HashAnnotation = "io.github.phlb.module.hash"
