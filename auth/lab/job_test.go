package lab

import (
	"context"
	"errors"
	"testing"
)

func TestJob(t *testing.T) {
	var j Job[string]
	started := make(chan bool)
	run := func(ctx context.Context, report func(int, int, string)) error {
		report(1, 3, "one")
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}
	if err := j.Start(run); err != nil {
		t.Fatal(err)
	}
	<-started
	if got, want := j.Progress(), (Progress[string]{Running: true, Done: 1, Of: 3, Result: "one"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := j.Start(run); !errors.Is(err, ErrBusy) {
		t.Errorf("a second run: got %v, want ErrBusy", err)
	}
	j.Cancel()
	if got := j.Progress(); got.Running || got.Result != "one" || !errors.Is(got.Err, context.Canceled) {
		t.Errorf("called off: got %+v", got)
	}
	j.Cancel() // nothing runs any more

	if err := j.Start(func(context.Context, func(int, int, string)) error { panic("oh") }); err != nil {
		t.Fatal(err)
	}
	j.Wait()
	if got := j.Progress(); got.Running || got.Err == nil || got.Result != "" {
		t.Errorf("after a panic: got %+v", got)
	}
}
