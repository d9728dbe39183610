package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A group lets writers share a commit. What a commit costs is the wait for the
// disk, and one wait serves all who came before it began: sixteen clients who
// sign in at the same moment need a few, not sixteen.
//
// There is no worker goroutine. The first writer to arrive becomes the leader: it takes
// the lock, runs the queued writes, commits, and appoints the next leader. A writer who
// is alone does what it would do without a group. A write that fails is undone by itself;
// if the commit fails, all of them have failed.
type group struct {
	mu      sync.Mutex
	waiting []*write
	led     bool // somebody leads, or has been appointed
}

// A write is one queued write.
type write struct {
	ctx context.Context // bounds the wait; what has begun is brought to its end
	// alone does it as a transaction of its own. It is nil where that takes more
	// than a statement.
	alone  func() error
	do     func(*tx) error
	lead   chan struct{} // tells the writer to lead
	failed error         // error of this write itself, apart from the commit
	done   chan error
}

// maxGroup bounds how many share a commit, and so how long other processes wait.
const maxGroup = 128

// write returns when w is done and on disk, or has failed and left nothing.
func (g *group) write(d *DB, w *write) error {
	w.lead, w.done = make(chan struct{}, 1), make(chan error, 1)
	if !g.join(w) {
		select {
		case err := <-w.done:
			return err
		case <-w.lead:
		case <-w.ctx.Done():
			if g.leave(w) {
				return w.ctx.Err()
			}
			select { // too late to leave
			case err := <-w.done:
				return err
			case <-w.lead:
			}
		}
	}
	defer g.appoint()
	if w.alone != nil && g.leaveAlone(w) {
		if err := d.retryingWrite(w.ctx, w.alone); err != nil {
			return err
		}
		return d.engine.lost()
	}
	// What then runs is not bounded by the leader's wait: it is not the leader's alone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 2*d.Wait)
	defer cancel()
	var t *sql.Tx
	err := d.retryingWrite(w.ctx, func() (err error) {
		t, err = d.write.BeginTx(ctx, nil)
		return err
	})
	if err != nil {
		g.leave(w)
		return err
	}
	g.run(d, t)
	return <-w.done
}

// join puts a writer into the queue and reports whether it leads.
func (g *group) join(w *write) (leads bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, w)
	leads, g.led = !g.led, true
	return leads
}

// leave takes a writer out of the queue; false if somebody has begun to do what it
// wants, or it was appointed.
func (g *group) leave(w *write) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(w.lead) > 0 {
		return false
	}
	for i, other := range g.waiting {
		if other == w {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// leaveAlone takes the leader out of the queue if nobody else is in it.
func (g *group) leaveAlone(w *write) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 1 {
		return false
	}
	g.waiting = g.waiting[:0]
	return true
}

// take empties the queue, up to a number.
func (g *group) take(most int) (taken []*write) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), most)
	taken = append(taken, g.waiting[:n]...)
	g.waiting = append(g.waiting[:0], g.waiting[n:]...)
	return taken
}

// appoint appoints the next leader, if anybody waits.
func (g *group) appoint() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		g.waiting[0].lead <- struct{}{}
	} else {
		g.led = false
	}
}

var errGroup = errors.New("shared commit failed")

// run executes the queued writes, and those that arrive meanwhile, in t, commits and
// notifies the writers.
func (g *group) run(d *DB, t *sql.Tx) {
	var all []*write
	err := errGroup
	defer func() {
		t.Rollback() // does nothing after a commit
		for _, w := range all {
			if w.failed == nil {
				w.failed = err
			}
			w.done <- w.failed
		}
	}()
	x := &tx{t, d, context.Background()} // the lock is held: there is nothing to wait for
	for len(all) < maxGroup {
		taken := g.take(maxGroup - len(all))
		if len(taken) == 0 {
			break
		}
		alone := len(all) == 0 && len(taken) == 1
		all = append(all, taken...)
		for _, w := range taken {
			if alone {
				w.failed = w.do(x)
			} else {
				w.failed = w.runInSavepoint(x)
			}
			if brokenBy(w.failed) || alone && w.failed != nil {
				err = w.failed
				return
			}
		}
	}
	if err = t.Commit(); err == nil {
		err = d.engine.lost()
	}
}

// runInSavepoint runs one of several writes so that its failure rolls back only that
// write. A single statement needs no help with that.
func (w *write) runInSavepoint(t *tx) error {
	if w.alone != nil {
		return w.do(t)
	}
	if _, err := t.ExecContext(t.bounded, "SAVEPOINT apart"); err != nil {
		return err
	}
	err := w.do(t)
	if err != nil {
		if _, undo := t.ExecContext(t.bounded, "ROLLBACK TO apart"); undo != nil {
			return undo
		}
	}
	if _, release := t.ExecContext(t.bounded, "RELEASE apart"); release != nil {
		return release
	}
	return err
}

// brokenBy reports whether a write failed at something after which SQLite may have
// undone more than a statement: anything but a constraint.
func brokenBy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff != sqlite3.SQLITE_CONSTRAINT
}
