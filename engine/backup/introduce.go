package backup

import (
	"context"
	"fmt"
	"log/slog"

	"phlb/engine/catalog"
)

// introduce begins the snapshot's own log: with what made it, of what, by which
// settings, and how the last run of that name ended. What the terminal hears, it has
// been told by whoever started the run.
func (r *run) introduce(ctx context.Context, cat *catalog.Catalog, own *slog.Logger) error {
	if !own.Enabled(ctx, slog.LevelInfo) {
		return nil
	}
	own.Info("begins", "verb", r.history.Verb, "name", r.history.Name, "source", r.source, "host", r.Env.Host, "phlb", r.Env.Version)
	var settings []any
	for _, s := range r.Config.Settings() {
		settings = append(settings, s.Key, fmt.Sprint(s.Value))
	}
	own.Info("settings", settings...)
	runs, err := cat.Runs(ctx)
	if err != nil {
		return err
	}
	var last *catalog.Run
	for i := range runs {
		if done := &runs[i]; done.Verb == "backup" && done.Name == r.history.Name && (last == nil || done.Started.After(last.Started)) {
			last = done
		}
	}
	if last == nil {
		own.Info("last backup", "outcome", "none is known")
		return nil
	}
	told := []any{"started", last.Started, "finished", last.Finished, "outcome", string(last.Outcome), "snapshot", last.Stamp}
	if last.Error != "" {
		told = append(told, "error", last.Error)
	}
	own.Info("last backup", told...)
	return nil
}
