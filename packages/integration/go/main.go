// A Go program beside Skein services in etcd, for the tests: it finds ours, and registers one that ours call.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
)

const usage = `usage:
  etcd-interop find ENDPOINT PREFIX              prints keys and values under a prefix, as JSON
  etcd-interop resolve ENDPOINT TARGET           prints the addresses that grpc-go's resolver finds, as JSON
  etcd-interop register ENDPOINT KEY VALUE       puts a key under a lease of 5 s that it keeps until its input ends
  etcd-interop follow ENDPOINT TARGET METHOD     calls what grpc-go's resolver finds, without end; each line of input asks for the ledger`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New(usage)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(args[1], ","), DialTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch {
	case args[0] == "find" && len(args) == 3:
		return find(ctx, client, args[2])
	case args[0] == "resolve" && len(args) == 3:
		return resolve(ctx, client, args[2])
	case args[0] == "register" && len(args) == 4:
		return register(client, args[2], args[3])
	case args[0] == "follow" && len(args) == 4:
		return follow(client, args[2], args[3])
	}
	return errors.New(usage)
}

func find(ctx context.Context, client *clientv3.Client, prefix string) error {
	answer, err := client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	found := map[string]string{}
	for _, kv := range answer.Kvs {
		found[string(kv.Key)] = string(kv.Value)
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func resolve(ctx context.Context, client *clientv3.Client, target string) error {
	manager, err := endpoints.NewManager(client, target)
	if err != nil {
		return err
	}
	listed, err := manager.List(ctx)
	if err != nil {
		return err
	}
	addresses := []string{}
	for _, endpoint := range listed {
		addresses = append(addresses, endpoint.Addr)
	}
	return json.NewEncoder(os.Stdout).Encode(addresses)
}

func register(client *clientv3.Client, key, value string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lease, err := client.Grant(ctx, 5)
	if err != nil {
		return err
	}
	kept, err := client.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	go func() {
		for range kept {
		}
	}()
	if _, err := client.Put(ctx, key, value, clientv3.WithLease(lease.ID)); err != nil {
		return err
	}
	fmt.Println("registered")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	_, err = client.Revoke(context.Background(), lease.ID)
	return err
}
