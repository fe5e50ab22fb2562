// A Go program that speaks net/rpc/jsonrpc, for the tests: it calls a service of ours, and serves one that ours call.
// Standard library only.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"strings"
	"sync"
	"time"
)

const usage = `usage:
  jsonrpc-interop call ADDRESS      reads lines "Type.Method JSON", calls one after another on one connection, prints an outcome a line
  jsonrpc-interop burst ADDRESS METHOD COUNT    COUNT calls at once with 0, 1, …; prints their results as JSON
  jsonrpc-interop gob ADDRESS       dials as rpc.Dial does; prints the error of a call
  jsonrpc-interop gob-http ADDRESS  dials as rpc.DialHTTP does; prints its error
  jsonrpc-interop call-tls ADDRESS CA           as call, over TLS
  jsonrpc-interop serve NAME        serves Arith until its input ends; prints its address
  jsonrpc-interop serve NAME CERT KEY           the same over TLS`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New(usage)
	}
	switch {
	case args[0] == "call" && len(args) == 2:
		client, err := jsonrpc.Dial("tcp", args[1])
		if err != nil {
			return err
		}
		return call(client)
	case args[0] == "call-tls" && len(args) == 3:
		return callTLS(args[1], args[2])
	case args[0] == "burst" && len(args) == 4:
		return burst(args[1], args[2], args[3])
	case args[0] == "gob" && len(args) == 2:
		return gob(args[1])
	case args[0] == "gob-http" && len(args) == 2:
		_, err := rpc.DialHTTP("tcp", args[1])
		return outcome(nil, err)
	case args[0] == "serve" && len(args) == 2:
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return serve(args[1], listener)
	case args[0] == "serve" && len(args) == 4:
		return serveTLS(args[1], args[2], args[3])
	}
	return errors.New(usage)
}

func outcome(result any, err error) error {
	line := map[string]any{"result": result}
	if err != nil {
		var served rpc.ServerError
		line = map[string]any{"error": err.Error(), "server": errors.As(err, &served)}
	}
	return json.NewEncoder(os.Stdout).Encode(line)
}

func callTLS(address, ca string) error {
	text, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
	if err != nil {
		return err
	}
	return call(jsonrpc.NewClient(connection))
}

func call(client *rpc.Client) error {
	defer client.Close()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		method, input, _ := strings.Cut(lines.Text(), " ")
		var args any
		if input != "" {
			args = json.RawMessage(input)
		}
		var result any
		err := client.Call(method, args, &result)
		if err := outcome(result, err); err != nil {
			return err
		}
	}
	return lines.Err()
}

func burst(address, method, count string) error {
	client, err := jsonrpc.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer client.Close()
	var n int
	if _, err := fmt.Sscan(count, &n); err != nil {
		return err
	}
	calls := make([]*rpc.Call, n)
	results := make([]int, n)
	for i := range calls {
		calls[i] = client.Go(method, i, &results[i], make(chan *rpc.Call, 1))
	}
	for _, one := range calls {
		if err := (<-one.Done).Error; err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

func gob(address string) error {
	client, err := rpc.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer client.Close()
	var result any
	return outcome(nil, client.Call("User.GetUser", struct{ ID string }{"42"}, &result))
}

type Args struct{ A, B int }

type Quotient struct {
	Quo, Rem int
}

// Arith is the service of net/rpc's own documentation, and what the tests need besides.
type Arith struct {
	name  string
	lock  sync.Mutex
	calls int
}

func (a *Arith) Multiply(args *Args, reply *int) error {
	*reply = args.A * args.B
	return nil
}

func (a *Arith) Divide(args *Args, reply *Quotient) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	*reply = Quotient{args.A / args.B, args.A % args.B}
	return nil
}

func (a *Arith) Name(_ *struct{}, reply *string) error {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.calls++
	*reply = a.name
	return nil
}

func (a *Arith) Echo(text *string, reply *string) error {
	*reply = *text
	return nil
}

func (a *Arith) Sleep(ms *int, reply *int) error {
	time.Sleep(time.Duration(*ms) * time.Millisecond)
	*reply = *ms
	return nil
}

func serveTLS(name, cert, key string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	return serve(name, listener)
}

func serve(name string, listener net.Listener) error {
	server := rpc.NewServer()
	if err := server.RegisterName("Arith", &Arith{name: name}); err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go server.ServeCodec(jsonrpc.NewServerCodec(connection))
		}
	}()
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
