package repository

import (
	"context"
	"fmt"
	"log/slog"

	"phlb/engine/catalog"
)

// IntroduceRun begins the log of a snapshot: with the version of phlb, the source, the
// settings, and how the last backup of that name ended. The engine's log does not repeat
// that: whoever started the run knows it.
func (repo *Repository) IntroduceRun(ctx context.Context, cat *catalog.Catalog, own *slog.Logger, record *catalog.Run, source string) error {
	if !own.Enabled(ctx, slog.LevelInfo) {
		return nil
	}
	own.Info("begins", "verb", record.Verb, "name", record.Name, "source", source, "host", repo.Env.Host, "phlb", repo.Env.Version)
	var settings []any
	for _, s := range repo.Config.Settings() {
		settings = append(settings, s.Key, fmt.Sprint(s.Value))
	}
	own.Info("settings", settings...)
	runs, err := cat.Runs(ctx)
	if err != nil {
		return err
	}
	var last *catalog.Run
	for i := range runs {
		if done := &runs[i]; done.Verb == "backup" && done.Name == record.Name && (last == nil || done.Started.After(last.Started)) {
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
