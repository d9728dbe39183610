package handlers

import (
	"context"
	"log/slog"
)

// LogHandler returns a handler that adds the client's address to each line that is logged
// under the context of a request, and then hands the line to next.
func LogHandler(next slog.Handler) slog.Handler { return clientLog{next} }

type clientLog struct{ slog.Handler }

func (h clientLog) Handle(ctx context.Context, line slog.Record) error {
	if v := VisitFrom(ctx); v != nil {
		line = line.Clone()
		line.AddAttrs(slog.String("client", v.client()))
	}
	return h.Handler.Handle(ctx, line)
}

func (h clientLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return clientLog{h.Handler.WithAttrs(attrs)}
}

func (h clientLog) WithGroup(name string) slog.Handler { return clientLog{h.Handler.WithGroup(name)} }
