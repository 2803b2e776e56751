package serve

import (
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write openapi.json anew")

type object = map[string]any

// description makes the document of OpenAPI from the routes, and from the types that
// they answer with.
func description() object {
	paths := object{}
	schemas := object{"error": object{
		"type": "object", "required": []string{"error", "todo"},
		"properties": object{"error": object{"type": "string"}, "todo": object{"type": "string"}},
	}}
	for _, r := range routes {
		path := strings.NewReplacer("{$}", "", "...", "").Replace(r.path)
		params := []object{}
		for _, found := range regexp.MustCompile(`\{(\w+)(\.\.\.)?\}`).FindAllStringSubmatch(r.path, -1) {
			if found[1] != "" {
				params = append(params, object{"name": found[1], "in": "path", "required": true, "schema": object{"type": "string"}})
			}
		}
		for _, p := range r.params {
			params = append(params, object{"name": p.name, "in": "query", "description": p.doc, "schema": object{"type": "string"}})
		}
		content := object{}
		if r.gives != nil {
			content["application/json"] = object{"schema": schemaOf(reflect.TypeOf(r.gives), schemas)}
			content["text/html"] = object{}
		}
		for _, kind := range r.types {
			content[kind] = object{}
		}
		answers := object{
			"200":     object{"description": "what was asked for", "content": content},
			"default": object{"description": "why not", "content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/error"}}}},
		}
		if len(content) == 0 {
			answers = object{"303": object{"description": "leads to a page"}}
		}
		operation := object{"summary": r.doc, "responses": answers}
		if len(params) > 0 {
			operation["parameters"] = params
		}
		known, _ := paths[path].(object)
		if known == nil {
			known = object{}
			paths[path] = known
		}
		known[strings.ToLower(r.method)] = operation
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "phlb serve", "version": "1",
			"description": "Every page is JSON where a client accepts application/json and does not name text/html before. Sizes are in bytes, " +
				"times as of RFC 3339. A name that is not UTF-8 is quoted, with its bytes as \\xe9, and so begins with a quotation mark; the address beside it is exact.",
		},
		"paths":      paths,
		"components": object{"schemas": schemas, "securitySchemes": object{"password": object{"type": "http", "scheme": "basic"}, "browser": object{"type": "apiKey", "in": "cookie", "name": "phlb"}}},
		"security":   []object{{"password": []string{}}, {"browser": []string{}}},
	}
}

var (
	timeType   = reflect.TypeOf(time.Time{})
	urlType    = reflect.TypeOf(template.URL(""))
	marshaling = reflect.TypeOf((*json.Marshaler)(nil)).Elem()
)

// schemaOf describes what a type is in JSON. Structs are put into schemas.
func schemaOf(t reflect.Type, schemas object) object {
	switch {
	case t == timeType:
		return object{"type": "string", "format": "date-time"}
	case t == urlType:
		return object{"type": "string", "format": "uri-reference"}
	case t.Kind() == reflect.Pointer:
		return object{"oneOf": []any{schemaOf(t.Elem(), schemas), object{"type": "null"}}}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Interface:
		return object{}
	case reflect.Struct:
		name := strings.TrimSuffix(t.Name(), "View")
		name = strings.ToLower(name[:1]) + name[1:]
		if _, known := schemas[name]; !known {
			schemas[name] = object{} // it may hold itself
			schemas[name] = structSchema(t, schemas)
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	return object{"type": "integer"}
}

func structSchema(t reflect.Type, schemas object) object {
	properties, required := object{}, []string{}
	if reflect.PointerTo(t).Implements(marshaling) { // what it makes of an empty one tells
		text, err := json.Marshal(reflect.New(t).Interface())
		if err != nil {
			panic(err)
		}
		var sample object
		if err := json.Unmarshal(text, &sample); err != nil {
			panic(err)
		}
		for key, value := range sample {
			kind := object{"type": "string"}
			switch value.(type) {
			case float64:
				kind = object{"type": "integer"}
			case bool:
				kind = object{"type": "boolean"}
			case []any:
				kind = object{"type": "array"}
			}
			properties[key] = kind
			required = append(required, key)
		}
	} else {
		for _, f := range reflect.VisibleFields(t) {
			key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || f.Anonymous || key == "-" || key == "" {
				continue
			}
			properties[key] = schemaOf(f.Type, schemas)
			if options != "omitempty" {
				required = append(required, key)
			}
		}
	}
	slices.Sort(required)
	return object{"type": "object", "properties": properties, "required": required}
}

// TestOpenAPI compares the description with the routes.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	want, err := json.MarshalIndent(description(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("openapi.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("openapi.json is not what the handlers are: go test ./cmd/phlb/serve -run OpenAPI -update")
	}
}

// TestJSON asks for all pages in JSON, and holds what comes against the description.
func TestJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.txt", "one\n", "d/b", "2")
	first := s.backup()
	s.write("a.txt", "two\n")
	s.remove("d/b")
	last := s.backup()
	s.serve()
	var document object
	s.must(json.Unmarshal([]byte(s.get("/openapi.json")), &document))
	schemas := document["components"].(object)["schemas"].(object)
	asked := map[string]bool{}
	pages := append(s.pages(first.Stamp, last.Stamp), "/search?q=b&gone=1", "/sql", "/sql?q=SELECT+1+AS+one,+NULL,+'x'",
		"/contents/"+s.entry("a.txt"), "/browse/docs/"+last.Stamp+"/d?changed=1&sort=size&desc=1")
	for _, path := range pages {
		var answer any
		if err := json.Unmarshal([]byte(s.get(path, "Accept", "application/json")), &answer); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		_, pattern := s.server.mux.Handler(&http.Request{Method: http.MethodGet, URL: mustParse(path), Host: "x"})
		asked[pattern] = true
		for _, r := range routes {
			if r.pattern() == pattern {
				if err := conforms(answer, schemaOf(reflect.TypeOf(r.gives), object{}), schemas, path); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for _, r := range routes {
		if r.gives != nil && r.method == http.MethodGet && r.path != "/login" && !asked[r.pattern()] {
			t.Errorf("%s was not asked for", r.pattern())
		}
	}
	if a := s.ask(s.client, "/browse/docs/none/", "Accept", "application/json"); a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, `"todo"`) {
		t.Errorf("an error: %s: %s", a.Status, a.body)
	}
}

// conforms returns how a value is not as a schema says.
func conforms(value any, schema, schemas object, at string) error {
	if ref, ok := schema["$ref"].(string); ok {
		schema = schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(object)
	}
	if either, ok := schema["oneOf"].([]any); ok {
		if value == nil {
			return nil
		}
		return conforms(value, either[0].(object), schemas, at)
	}
	is := map[bool]string{}
	switch v := value.(type) {
	case nil:
		is[true] = "null"
	case string:
		is[true] = "string"
	case bool:
		is[true] = "boolean"
	case float64:
		is[true] = "number"
		if schema["type"] == "integer" && v == float64(int64(v)) {
			is[true] = "integer"
		}
	case []any:
		is[true] = "array"
		items, _ := schema["items"].(object)
		for i, item := range v {
			if err := conforms(item, items, schemas, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case object:
		is[true] = "object"
		properties, _ := schema["properties"].(object)
		others, free := schema["additionalProperties"].(object)
		for key, item := range v {
			of, known := properties[key].(object)
			if !known && !free {
				return fmt.Errorf("%s.%s is not described", at, key)
			}
			if !known {
				of = others
			}
			if err := conforms(item, of, schemas, at+"."+key); err != nil {
				return err
			}
		}
		required, _ := schema["required"].([]any)
		for _, key := range required {
			if _, there := v[key.(string)]; !there {
				return fmt.Errorf("%s lacks %s", at, key)
			}
		}
	}
	if want, ok := schema["type"]; ok && want != is[true] {
		return fmt.Errorf("%s is %s, and described as %v", at, is[true], want)
	}
	return nil
}
