package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/peer"
)

type jsonCodec struct{}

func (jsonCodec) Name() string                           { return "json" }
func (jsonCodec) Marshal(value any) ([]byte, error)      { return json.Marshal(value) }
func (jsonCodec) Unmarshal(text []byte, value any) error { return json.Unmarshal(text, value) }

// What has happened so far: since the line before, by whom calls were answered.
type ledger struct {
	mutex  sync.Mutex
	calls  int
	failed int
	first  string
	peers  map[string]int
}

func (l *ledger) print() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	told := map[string]any{"calls": l.calls, "failed": l.failed, "first": l.first, "peers": l.peers}
	l.peers = map[string]int{}
	return json.NewEncoder(os.Stdout).Encode(told)
}

// Calls METHOD of TARGET without end, each call with a number of its own, as grpc-go finds it by etcd's resolver.
// Each line of input asks for the ledger; its end ends the calls, and the ledger is printed a last time.
func follow(client *clientv3.Client, target, method string) error {
	encoding.RegisterCodec(jsonCodec{})
	builder, err := resolver.NewBuilder(client)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("etcd:///"+target, grpc.WithResolvers(builder),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.CallContentSubtype("json")))
	if err != nil {
		return err
	}
	defer conn.Close()
	told := ledger{peers: map[string]int{}}
	var next atomic.Int64
	ended := make(chan struct{})
	var workers sync.WaitGroup
	for range 6 {
		workers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				told.call(conn, method, next.Add(1))
				time.Sleep(time.Millisecond)
			}
		})
	}
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		if err := told.print(); err != nil {
			return err
		}
	}
	close(ended)
	workers.Wait()
	return told.print()
}

func (l *ledger) call(conn *grpc.ClientConn, method string, number int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var by peer.Peer
	var answer any
	err := conn.Invoke(ctx, method, map[string]int64{"n": number}, &answer, grpc.Peer(&by))
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.calls++
	if err == nil {
		l.peers[by.Addr.String()]++
		return
	}
	l.failed++
	if l.first == "" {
		l.first = err.Error()
	}
}
