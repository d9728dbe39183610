package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"sessionlab/auth"
)

// prepare prepares queries on the pools they belong to, or none of them, and returns
// the index of the first. The pool prepares a query again, once, on each connection
// that runs it.
func (d *DB) prepare(ctx context.Context, queries []query) (first statement, err error) {
	var prepared []*sql.Stmt
	for _, q := range queries {
		pool := d.read
		if q.kind != kindRead {
			pool = d.write
		}
		p, err := pool.PrepareContext(ctx, q.text)
		if err != nil {
			for _, p := range prepared {
				p.Close()
			}
			return 0, fmt.Errorf("prepare %s: %w", q.text, err)
		}
		prepared = append(prepared, p)
	}
	first = statement(len(d.queries))
	d.queries, d.prepared = append(d.queries, queries...), append(d.prepared, prepared...)
	return first, nil
}

func (d *DB) observe(ctx context.Context, kind, step string) func(error) {
	if d.Observe == nil {
		return func(error) {}
	}
	return d.Observe(ctx, kind, step)
}

// queryRow reads one row into dest; auth.ErrNotFound if there is none.
func (d *DB) queryRow(ctx context.Context, s statement, args, dest []any) error {
	end := d.observe(ctx, kindRead, d.queries[s].text)
	ctx, cancel := d.readContext(ctx)
	defer cancel()
	err := d.retryingRead(ctx, func() error { return d.prepared[s].QueryRowContext(ctx, args...).Scan(dest...) })
	if errors.Is(err, sql.ErrNoRows) || d.engine.absent(err) {
		end(nil)
		return auth.ErrNotFound
	}
	end(err)
	return err
}

// queryRows reads rows and hands each to row, which scans it.
func (d *DB) queryRows(ctx context.Context, s statement, args []any, row func(scan func(...any) error) error) (err error) {
	end := d.observe(ctx, kindRead, d.queries[s].text)
	defer func() { end(err) }()
	ctx, cancel := d.readContext(ctx)
	defer cancel()
	var rows *sql.Rows
	err = d.retryingRead(ctx, func() (err error) {
		rows, err = d.prepared[s].QueryContext(ctx, args...)
		return err
	})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// retryingRead runs read and retries it while the engine says that it may help and ctx is
// not done. It returns an error if the database is lost.
func (d *DB) retryingRead(ctx context.Context, read func() error) error {
	if err := d.engine.lost(); err != nil {
		return err
	}
	for {
		err := read()
		if err == nil || !d.engine.retryRead(err) || ctx.Err() != nil {
			return err
		}
	}
}

// readContext returns the context of a read. It ignores the cancellation of ctx.
//
// For each statement with a context that can end, the driver of SQLite starts a goroutine
// to watch it, which costs more than the read; and a read of a few rows has nothing to
// wait for but the timeout that every connection has. A server may not answer, but
// canceling a query closes its connection: clients that abort requests must not cost a
// connection each.
func (d *DB) readContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.readWait == 0 {
		return context.WithoutCancel(ctx), func() {}
	}
	return auth.ForStorage(ctx, d.readWait)
}

// exec runs one writing statement and returns how many rows it changed.
func (d *DB) exec(ctx context.Context, s statement, args ...any) (n int, err error) {
	err = d.autocommit(ctx, s, func(ctx context.Context, p *sql.Stmt) error {
		n, err = affected(p.ExecContext(ctx, args...))
		return err
	})
	return n, err
}

// execRow writes by one statement and reads back the row that it changed;
// auth.ErrNotFound if it changed none.
func (d *DB) execRow(ctx context.Context, s statement, args, dest []any) error {
	none := false
	err := d.autocommit(ctx, s, func(ctx context.Context, p *sql.Stmt) error {
		err := p.QueryRowContext(ctx, args...).Scan(dest...)
		if none = errors.Is(err, sql.ErrNoRows); none {
			return nil
		}
		return err
	})
	if err == nil && none {
		return auth.ErrNotFound
	}
	return err
}

// autocommit runs a writing statement that is a transaction of its own.
func (d *DB) autocommit(ctx context.Context, s statement, run func(context.Context, *sql.Stmt) error) error {
	end := d.observe(ctx, kindWrite, d.queries[s].text)
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	alone := func() error { return run(ctx, d.prepared[s]) }
	var err error
	if d.group == nil {
		err = d.retryingWrite(ctx, alone)
	} else {
		err = d.group.write(d, &write{ctx: ctx, alone: alone, do: func(t *tx) error {
			return run(t.bounded, t.StmtContext(t.bounded, d.prepared[s]))
		}})
	}
	end(err)
	return err
}

// bounded is the context of a write. It ends after d.Wait, or when the request has
// waited for storage long enough; see [auth.ForStorage].
func (d *DB) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return auth.ForStorage(ctx, d.Wait)
}

// retryingWrite runs a write and retries it while it conflicts with another writer and
// ctx is not done.
func (d *DB) retryingWrite(ctx context.Context, write func() error) error {
	for {
		err := write()
		if err == nil || !d.engine.retryWrite(err) || ctx.Err() != nil {
			return err
		}
	}
}

// A tx is a write transaction.
type tx struct {
	*sql.Tx
	db      *DB
	bounded context.Context // of its statements
}

// transact runs do in a write transaction. An error of do undoes it all. It may
// run more than once.
func (d *DB) transact(ctx context.Context, do func(*tx) error) error {
	bound, cancel := d.bounded(ctx)
	defer cancel()
	if d.group == nil {
		return d.retryingWrite(bound, func() error { return d.transactOnce(ctx, bound, do) })
	}
	// The begin and the commit are shared with other writes; each is reported as the time
	// that this one waits for it.
	end := d.observe(ctx, "transaction", "begin")
	err := d.group.write(d, &write{ctx: bound, do: func(t *tx) error {
		end(nil)
		end = func(error) {}
		err := do(t)
		if err == nil {
			end = d.observe(ctx, "transaction", "commit")
		}
		return err
	}})
	end(err)
	return err
}

// transactOnce runs do in a transaction beside others.
func (d *DB) transactOnce(ctx, bound context.Context, do func(*tx) error) error {
	end := d.observe(ctx, "transaction", "begin")
	t, err := d.write.BeginTx(bound, nil)
	end(err)
	if err != nil {
		return err
	}
	defer t.Rollback() // does nothing after a commit
	if err := do(&tx{t, d, bound}); err != nil {
		return err
	}
	end = d.observe(ctx, "transaction", "commit")
	err = t.Commit()
	end(err)
	return err
}

// lockUser waits until no other transaction is changing the user's rows. What is read
// afterwards does not change until this one ends.
func (t *tx) lockUser(ctx context.Context, userID string) error {
	return t.db.engine.lockUser(ctx, t, userID)
}

// exec runs a writing statement in the transaction and returns how many rows that
// changed.
func (t *tx) exec(ctx context.Context, s statement, args ...any) (int, error) {
	end := t.db.observe(ctx, kindWrite, t.db.queries[s].text)
	n, err := affected(t.StmtContext(t.bounded, t.db.prepared[s]).ExecContext(t.bounded, args...))
	end(err)
	return n, err
}

// queryRow reads one row in the transaction, or changes one and reads it back;
// auth.ErrNotFound if there is none.
func (t *tx) queryRow(ctx context.Context, s statement, args, dest []any) error {
	kind := t.db.queries[s].kind
	if kind == kindLook {
		kind = kindRead
	}
	end := t.db.observe(ctx, kind, t.db.queries[s].text)
	err := t.StmtContext(t.bounded, t.db.prepared[s]).QueryRowContext(t.bounded, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		end(nil)
		return auth.ErrNotFound
	}
	end(err)
	return err
}

func affected(r sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}
