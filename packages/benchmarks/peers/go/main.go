// The peers in Go: bench-go server|client grpc|netrpc PORT. Speaks the line protocol of src/load/protocol.ts on stdin and stdout.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bench/pb"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

type Req struct{ Id, Kind string }
type Item struct {
	Sku, Title string
	Qty        uint32
	Price      float64
}
type User struct {
	Id, Name, Email string
	Tags            []string
	Items           []Item
	Text            string
}

var tags = []string{"admin", "beta-tester", "europe-west"}
var items []Item
var pbItems []*pb.Item
var big = strings.Repeat("abcdefghijklmnopqrstuvwxyz012345", 32768)

func init() {
	for i := 0; i < 100; i++ {
		it := Item{fmt.Sprintf("SKU-%d", 100000+i), fmt.Sprintf("Item number %d of the catalogue", i), uint32(i % 7), 1.25*float64(i) + 0.99}
		items = append(items, it)
		pbItems = append(pbItems, &pb.Item{Sku: it.Sku, Title: it.Title, Qty: it.Qty, Price: it.Price})
	}
}

type B struct{}

func (B) GetUser(r *Req, u *User) error {
	*u = User{Id: r.Id, Name: "Ada Lovelace", Email: "ada.lovelace@example.org", Tags: tags}
	switch r.Kind {
	case "10k":
		u.Items = items
	case "300b":
		u.Text = big[:192]
	case "900k":
		u.Text = big[:900<<10]
	case "1m":
		u.Text = big
	}
	return nil
}

type G struct{ pb.UnimplementedBenchServer }

func gu(r *pb.Req) *pb.User {
	u := &pb.User{Id: r.Id, Name: "Ada Lovelace", Email: "ada.lovelace@example.org", Tags: tags}
	switch r.Kind {
	case "10k":
		u.Items = pbItems
	case "300b":
		u.Text = big[:192]
	case "900k":
		u.Text = big[:900<<10]
	case "1m":
		u.Text = big
	}
	return u
}
func (G) GetUser(_ context.Context, r *pb.Req) (*pb.User, error) { return gu(r), nil }
func (G) StreamUsers(r *pb.Req, s grpc.ServerStreamingServer[pb.User]) error {
	for i := uint32(0); i < r.Count; i++ {
		if err := s.Send(gu(r)); err != nil {
			return err
		}
	}
	return nil
}
func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	role, kind := os.Args[1], os.Args[2]
	addr := "127.0.0.1:" + os.Args[3]
	if role == "server" {
		l, err := net.Listen("tcp", addr)
		die(err)
		if kind == "grpc" {
			s := grpc.NewServer()
			pb.RegisterBenchServer(s, G{})
			go s.Serve(l)
		} else {
			rpc.RegisterName("B", B{})
			go rpc.Accept(l)
		}
		fmt.Println(`@{"ready":true}`)
		for range readCommands() {
			say(usage()) // all that a server is asked
		}
		return
	}
	var call func(id, kind string) (string, error)
	var stream func(kind string, n uint32, stop time.Time) int
	if kind == "grpc" {
		cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
		die(err)
		c := pb.NewBenchClient(cc)
		call = func(id, k string) (string, error) {
			u, err := c.GetUser(context.Background(), &pb.Req{Id: id, Kind: k})
			return u.GetId(), err
		}
		stream = func(k string, n uint32, stop time.Time) int {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s, err := c.StreamUsers(ctx, &pb.Req{Id: "u1", Kind: k, Count: n})
			die(err)
			got := 0
			for {
				if _, err := s.Recv(); err != nil {
					return got
				}
				got++
				if got&63 == 0 && time.Now().After(stop) {
					return got
				}
			}
		}
	} else {
		c, err := rpc.Dial("tcp", addr)
		die(err)
		call = func(id, k string) (string, error) {
			var u User
			err := c.Call("B.GetUser", &Req{id, k}, &u)
			return u.Id, err
		}
	}
	fmt.Println(`@{"ready":true}`)
	for c := range readCommands() {
		if c.Kind == "" {
			c.Kind = "small"
		}
		out := map[string]any{}
		t0 := time.Now()
		end := t0.Add(time.Duration(c.Seconds * float64(time.Second)))
		switch c.Cmd {
		case "info":
			out["stream"] = stream != nil
		case "usage":
			out = usage()
		case "closed":
			var calls, errs atomic.Int64
			var mu sync.Mutex
			var all []float64
			var wg sync.WaitGroup
			for w := 0; w < c.Conc; w++ {
				wg.Add(1)
				go func() {
					defer wg.Done()
					var mine []float64
					for k := 0; ; k++ {
						id := "u" + strconv.Itoa(w) + "-" + strconv.Itoa(k)
						s := time.Now()
						if s.After(end) {
							break
						}
						r, err := call(id, c.Kind)
						if err != nil || r != id {
							errs.Add(1)
							continue
						}
						calls.Add(1)
						if c.Conc == 1 && len(mine) < 400000 {
							mine = append(mine, float64(time.Since(s).Nanoseconds())/1000)
						}
					}
					mu.Lock()
					all = append(all, mine...)
					mu.Unlock()
				}()
			}
			wg.Wait()
			secs := time.Since(t0).Seconds()
			out["calls"], out["errors"], out["rate"] = calls.Load(), errs.Load(), float64(calls.Load())/secs
			out["latency"] = summary(all)
		case "open":
			var mu sync.Mutex
			var all []float64
			var wg sync.WaitGroup
			var inflight atomic.Int64
			sent := 0
			for {
				el := time.Since(t0).Seconds()
				if el > c.Seconds {
					break
				}
				for due := int(el*c.Rate) - sent; due > 0; due-- {
					sent++
					if inflight.Load() > 20000 {
						continue
					}
					inflight.Add(1)
					wg.Add(1)
					s := time.Now()
					go func() {
						defer wg.Done()
						if _, err := call("x", c.Kind); err == nil {
							d := float64(time.Since(s).Nanoseconds()) / 1000
							mu.Lock()
							all = append(all, d)
							mu.Unlock()
						}
						inflight.Add(-1)
					}()
				}
				time.Sleep(time.Millisecond)
			}
			secs := time.Since(t0).Seconds()
			mu.Lock()
			n := len(all)
			mu.Unlock()
			wg.Wait()
			out["calls"], out["errors"], out["rate"], out["latency"] = len(all), sent-len(all), float64(n)/secs, summary(all)
		case "stream":
			n := 0
			for time.Now().Before(end) {
				n += stream(c.Kind, 20000, end)
			}
			secs := time.Since(t0).Seconds()
			out["calls"], out["errors"], out["rate"] = n, 0, float64(n)/secs
		}
		say(out)
	}
}

type command struct {
	Cmd, Kind     string
	Conc          int
	Seconds, Rate float64
}

// readCommands yields a command a line. When stdin ends the harness is gone, and so is this process, whatever it was doing.
func readCommands() <-chan command {
	commands := make(chan command)
	go func() {
		sc := bufio.NewScanner(os.Stdin)
		for sc.Scan() {
			var c command
			die(json.Unmarshal(sc.Bytes(), &c))
			commands <- c
		}
		os.Exit(0)
	}()
	return commands
}

func say(out map[string]any) {
	b, err := json.Marshal(out)
	die(err)
	fmt.Println("@" + string(b))
}

// usage is CPU time since the start and resident memory, as process.cpuUsage() and memoryUsage.rss() have them.
func usage() map[string]any {
	var r syscall.Rusage
	die(syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	cpu := (r.Utime.Nano() + r.Stime.Nano()) / 1000
	rss := 0
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.Atoi(f[1])
			rss = pages * os.Getpagesize()
		}
	}
	return map[string]any{"cpuUs": cpu, "rssBytes": rss}
}

func summary(a []float64) any {
	if len(a) == 0 {
		return nil
	}
	sort.Float64s(a)
	q := func(p float64) float64 { return a[min(len(a)-1, int(p*float64(len(a))))] }
	return map[string]float64{"p50": q(.5), "p99": q(.99), "p999": q(.999)}
}
