package runtime

import (
	"context"
	"testing"

	"go.starlark.net/starlark"
)

func TestTable(t *testing.T) {
	names := testTable.Names()
	if len(names) != len(testTable) || names["touch"].(*starlark.Builtin).Name() != "touch" {
		t.Errorf("names %v", names)
	}
}

func TestEffectOnForeignThread(t *testing.T) {
	_, err := starlark.Call(new(starlark.Thread), testTable.Names()["touch"], nil, nil)
	wantError(t, err, "touch has an effect, and no host permits it here")
}

// An effect that depends on an argument asks for itself.
func TestEffectByArgument(t *testing.T) {
	verify := Builtin{Name: "verify", Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var heal bool
		if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "heal?", &heal); err != nil {
			return nil, err
		}
		if heal {
			if err := Effect(thread, "verify(heal=True)"); err != nil {
				return nil, err
			}
		}
		return starlark.None, nil
	}}
	h, _ := newHost(verify)
	if _, err := runSource(h, "verify()\ndef main(): verify(heal=True)"); err != nil {
		t.Fatal(err)
	}
	_, err := h.LoadSource(context.Background(), "test.star", []byte("verify(heal=True)\ndef main(): pass"))
	wantError(t, err, "verify(heal=True) has an effect")
}

func TestMethod(t *testing.T) {
	remove := Builtin{Name: "remove", Effect: true, Func: func(_ *starlark.Thread, fn *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return fn.Receiver(), nil
	}}
	h, _ := newHost()
	h.Names["remove"] = remove.Value().BindReceiver(starlark.String("old"))
	v, err := runSource(h, "def main(): return remove()")
	if err != nil || v != starlark.String("old") {
		t.Errorf("got %v, %v; want the receiver", v, err)
	}
}
