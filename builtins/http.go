package builtins

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/runtime"
)

const (
	// httpTimeout is how long a request may take if the script does not say.
	httpTimeout = 30 * time.Second
	// maxBody is how much of an answer is kept.
	maxBody = 1 << 20
)

// httpModule is http.get and http.post.
func (s *Session) httpModule() *starlarkstruct.Module {
	return &starlarkstruct.Module{Name: "http", Members: s.inert(s.HTTPTable()).Names()}
}

// HTTPTable lists the members of http.
func (s *Session) HTTPTable() runtime.Table {
	return runtime.Table{{
		Name:      "get",
		Signature: `get(url, headers={}, timeout="30s")`,
		Doc:       "ask a web server, where --allow-net permits its host; returns .status .body .headers",
		Effect:    true,
		Kind:      "net",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var address string
			headers := &starlark.Dict{}
			limit := duration(httpTimeout)
			if err := runtime.Unpack("http.get", args, kwargs, "url", &address, "headers?", &headers, "timeout?", &limit); err != nil {
				return nil, err
			}
			return s.request(thread, http.MethodGet, address, "", headers, limit)
		},
	}, {
		Name:      "post",
		Signature: `post(url, body="", json=None, headers={}, timeout="30s")`,
		Doc:       "send data to a web server, where --allow-net permits its host; json is a value, sent as JSON; returns .status .body .headers",
		Effect:    true,
		Kind:      "net",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var address, body string
			var document starlark.Value = starlark.None
			headers := &starlark.Dict{}
			limit := duration(httpTimeout)
			if err := runtime.Unpack("http.post", args, kwargs, "url", &address, "body?", &body,
				"json?", &document, "headers?", &headers, "timeout?", &limit); err != nil {
				return nil, err
			}
			if document != starlark.None {
				if body != "" {
					return nil, runtime.Usagef("http.post: body and json exclude each other")
				}
				plain, err := Plain(document)
				if err != nil {
					return nil, runtime.Usagef("http.post: json: %v", err)
				}
				text, err := json.Marshal(plain)
				if err != nil {
					return nil, runtime.Usagef("http.post: json: %v", err)
				}
				body = string(text)
				if _, given, _ := headers.Get(starlark.String("Content-Type")); !given {
					with := &starlark.Dict{}
					with.SetKey(starlark.String("Content-Type"), starlark.String("application/json"))
					for _, item := range headers.Items() {
						with.SetKey(item[0], item[1])
					}
					headers = with
				}
			}
			return s.request(thread, http.MethodPost, address, body, headers, limit)
		},
	}}
}

func (s *Session) request(thread *starlark.Thread, method, address, body string, headers *starlark.Dict, limit duration) (starlark.Value, error) {
	where, err := url.Parse(address)
	if err != nil {
		return nil, runtime.Usagef("http: %v", err)
	}
	if err := s.permitURL(where); err != nil {
		return nil, err
	}
	if s.Engine.DryRun() {
		s.planned("http", "%s %s", method, where.Redacted())
		return &unknown{thread: thread, of: where.Host, names: answerAttributes.names()}, nil
	}
	req, err := http.NewRequestWithContext(runtime.Context(thread), method, address, strings.NewReader(body))
	if err != nil {
		return nil, runtime.Usagef("http: %v", err)
	}
	for _, item := range headers.Items() {
		name, ok := starlark.AsString(item[0])
		value, ok2 := starlark.AsString(item[1])
		if !ok || !ok2 {
			return nil, runtime.Usagef("http: headers has %v: %v in it, want strings", item[0], item[1])
		}
		req.Header.Set(name, value)
	}
	client := &http.Client{
		Timeout: time.Duration(limit),
		// Where a server sends us on to has to be permitted as well.
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 10 {
				return errors.New("stopped after 10 redirects")
			}
			return s.permitURL(req.URL)
		},
	}
	resp, err := client.Do(req)
	if err != nil {
		var denied *Denied
		if errors.As(err, &denied) {
			return nil, denied
		}
		return nil, fmt.Errorf("http: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("http: %s: %w", where.Redacted(), err)
	}
	return answer{resp.StatusCode, string(text), resp.Header}.value(), nil
}

func (s *Session) permitURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return runtime.Usagef("http: %q is not an http or https address", u.Redacted())
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return s.permitNet(u.Hostname(), net.JoinHostPort(u.Hostname(), port))
}

// answer is what a web server says.
type answer struct {
	status int
	body   string
	header http.Header
}

var answerAttributes = attributes[answer]{
	"status": intOf("the HTTP status", func(a answer) int { return a.status }),
	"body":   textOf("the content of the answer, up to 1 MiB", func(a answer) string { return a.body }),
	"headers": valueOf("dict", "the headers of the answer, by name", func(a answer) starlark.Value {
		headers := starlark.NewDict(len(a.header))
		for name, values := range a.header {
			headers.SetKey(starlark.String(name), starlark.String(strings.Join(values, ", ")))
		}
		return headers
	}),
}

func (a answer) value() starlark.Value { return answerAttributes.record("answer", a) }
