package db

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sessionlab/auth"
)

// BenchmarkFind is what each request under the database strategy pays. It should
// hardly grow with the table.
func BenchmarkFind(b *testing.B) {
	for _, rows := range []int{1_000, 100_000} {
		d := open(b)
		fill(b, d, signIn(b, d, "ada"), rows, 0)
		// Scattered over the table, as requests are.
		hashes := make([]string, 1000)
		for i := range hashes {
			hashes[i] = fmt.Sprintf("hash of 0s %d", i*7919%rows)
		}
		find := func(b *testing.B, ctx context.Context, i int) {
			if _, err := (Sessions{d}).Find(ctx, realm, hashes[i%len(hashes)]); err != nil {
				b.Error(err)
			}
		}
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			ctx, cancel := context.WithCancel(context.Background()) // like a request's
			defer cancel()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				find(b, ctx, i)
			}
		})
		b.Run(fmt.Sprintf("rows=%d/parallel", rows), func(b *testing.B) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					find(b, ctx, i)
				}
			})
		})
	}
}

// BenchmarkRecall is the same read, of a row that stands as it was: plain, and
// asking first whether it does, alone and with others who wait.
func BenchmarkRecall(b *testing.B) {
	for _, name := range []string{"plain", "recall"} {
		d := open(b)
		r := session(signIn(b, d, "ada"), "laptop", 0)
		create(b, Sessions{d}, r)
		if name == "recall" {
			if err := d.Recall(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		find := func() {
			if _, err := (Sessions{d}).Find(context.Background(), r.Realm, r.Hash); err != nil {
				b.Error(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				find()
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					find()
				}
			})
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	ctx := context.Background()
	setup := func(b *testing.B) func() {
		d := open(b)
		ada := signIn(b, d, "ada")
		var n atomic.Int64
		b.ReportAllocs()
		b.ResetTimer()
		return func() {
			i := n.Add(1)
			if err := (Sessions{d}).Create(ctx, session(ada, fmt.Sprint(i), time.Duration(i)*time.Millisecond), 20); err != nil {
				b.Error(err)
			}
		}
	}
	b.Run("serial", func(b *testing.B) {
		create := setup(b)
		for range b.N {
			create()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		create := setup(b)
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				create()
			}
		})
	})
}

func BenchmarkSlide(b *testing.B) {
	d := open(b)
	r := session(signIn(b, d, "ada"), "laptop", 0)
	create(b, Sessions{d}, r)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		expires := start.Add(time.Hour + time.Duration(i)*time.Millisecond)
		if _, err := (Sessions{d}).Slide(context.Background(), realm, r.Hash, expires, start); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEndAll ends 19 of 20 sessions, which are then made alive again.
func BenchmarkEndAll(b *testing.B) {
	ctx := context.Background()
	d := open(b)
	ada := signIn(b, d, "ada")
	fill(b, d, ada, 20, 0)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		n, err := (Sessions{d}).EndAll(ctx, realm, auth.Target{UserID: ada.ID, Except: "0s 7"}, start)
		if err != nil || n != 19 {
			b.Fatal(n, err)
		}
		b.StopTimer()
		if _, err := d.write.Exec("UPDATE sessions SET ended_at = NULL"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkSignIn(b *testing.B) {
	d := open(b)
	signIn(b, d, "ada")
	b.ReportAllocs()
	for b.Loop() {
		signIn(b, d, "ada")
	}
}

// BenchmarkManyCreate is sign-ins of many people from 16 clients: as they share
// commits, and each with a commit of its own.
func BenchmarkManyCreate(b *testing.B) {
	for _, test := range []struct {
		name  string
		group bool
	}{{"shared", true}, {"single", false}} {
		b.Run(test.name, func(b *testing.B) {
			d := open(b)
			if !test.group {
				d.group = nil
			}
			users := make([]auth.User, 1000)
			for i := range users {
				users[i] = signIn(b, d, fmt.Sprint(i))
			}
			var n atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range 16 {
				all.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						r := session(users[i%1000], fmt.Sprint(i), time.Duration(i)*time.Millisecond)
						if err := (Sessions{d}).Create(context.Background(), r, 20); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
