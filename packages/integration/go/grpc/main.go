// A grpc-go client and server for the tests: it calls our door, asks its health, goes on calling while our servers restart, and is called by us.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/protobuf/types/known/structpb"
)

const usage = `usage:
  grpc-interop call ADDRESS FOLDER FILE SERVICE/METHOD TIMEOUT_MS MESSAGE...   prints answers, status and details, as JSON
  grpc-interop watch ADDRESS SERVICE                                       prints each health status, until its input ends
  grpc-interop check ADDRESS SERVICE                                       prints the health status
  grpc-interop hammer FOLDER FILE SERVICE/METHOD MESSAGE                       calls without end; each line of input is the addresses from now on
  grpc-interop serve FOLDER FILE SERVICE NAME ADDRESS STREAMS               serves, for so many streams a connection; prints where`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 6 && args[0] == "call":
		return call(args[1], args[2], args[3], args[4], args[5], args[6:])
	case len(args) == 3 && args[0] == "watch":
		return watch(args[1], args[2])
	case len(args) == 3 && args[0] == "check":
		return check(args[1], args[2])
	case len(args) == 5 && args[0] == "hammer":
		return hammer(args[1], args[2], args[3], args[4])
	case len(args) == 7 && args[0] == "serve":
		return serve(args[1], args[2], args[3], args[4], args[5], args[6])
	}
	return errors.New(usage)
}

func compile(folder, file string) (protoreflect.FileDescriptor, error) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{folder}}),
	}
	files, err := compiler.Compile(context.Background(), file)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

func find(folder, file, name string) (protoreflect.MethodDescriptor, error) {
	found, err := compile(folder, file)
	if err != nil {
		return nil, err
	}
	service, method, _ := strings.Cut(name, "/")
	for i := 0; i < found.Services().Len(); i++ {
		if s := found.Services().Get(i); string(s.FullName()) == service {
			if m := s.Methods().ByName(protoreflect.Name(method)); m != nil {
				return m, nil
			}
		}
	}
	return nil, fmt.Errorf("%s has no %s", file, name)
}

func connect(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func message(method protoreflect.MethodDescriptor, text string) (*dynamicpb.Message, error) {
	request := dynamicpb.NewMessage(method.Input())
	return request, protojson.Unmarshal([]byte(text), request)
}

type outcome struct {
	Answers []json.RawMessage `json:"answers"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Details []string          `json:"details"`
	Texts   []string          `json:"texts"`
}

func call(address, folder, file, name, timeout string, messages []string) error {
	method, err := find(folder, file, name)
	if err != nil {
		return err
	}
	conn, err := connect(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	limit, err := time.ParseDuration(timeout + "ms")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-tenant", "acme")
	result := outcome{Answers: []json.RawMessage{}}
	err = exchange(ctx, conn, method, messages, &result)
	known := status.Convert(err)
	result.Code, result.Message = known.Code().String(), known.Message()
	for _, detail := range known.Details() {
		result.Details = append(result.Details, fmt.Sprintf("%T", detail))
		result.Texts = append(result.Texts, fmt.Sprint(detail))
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func exchange(ctx context.Context, conn *grpc.ClientConn, method protoreflect.MethodDescriptor, messages []string, result *outcome) error {
	desc := &grpc.StreamDesc{ClientStreams: method.IsStreamingClient(), ServerStreams: method.IsStreamingServer()}
	path := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	stream, err := conn.NewStream(ctx, desc, path)
	if err != nil {
		return err
	}
	for _, text := range messages {
		request, err := message(method, text)
		if err != nil {
			return err
		}
		if err := stream.SendMsg(request); err != nil && err != io.EOF {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		answer := dynamicpb.NewMessage(method.Output())
		if err := stream.RecvMsg(answer); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		text, err := protojson.Marshal(answer)
		if err != nil {
			return err
		}
		result.Answers = append(result.Answers, text)
		if !method.IsStreamingServer() {
			return nil
		}
	}
}

func check(address, service string) error {
	conn, err := connect(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		fmt.Println(status.Code(err).String())
		return nil
	}
	fmt.Println(answer.Status.String())
	return nil
}

func watch(address, service string) error {
	conn, err := connect(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	stream, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		return err
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			fmt.Println(status.Code(err).String())
			return nil
		}
		fmt.Println(answer.Status.String())
	}
}

func hammer(folder, file, name, text string) error {
	method, err := find(folder, file, name)
	if err != nil {
		return err
	}
	addresses := manual.NewBuilderWithScheme("test")
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	addresses.InitialState(resolver.State{Addresses: parse(input.Text())})
	conn, err := grpc.NewClient("test:///x", grpc.WithResolvers(addresses),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		return err
	}
	defer conn.Close()
	var calls, failed atomic.Int64
	var first atomic.Value
	ended := make(chan struct{})
	var workers sync.WaitGroup
	path := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	for range 8 {
		workers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				request, _ := message(method, text)
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				if err := conn.Invoke(ctx, path, request, dynamicpb.NewMessage(method.Output())); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, err.Error())
				}
				cancel()
				calls.Add(1)
				time.Sleep(time.Millisecond)
			}
		})
	}
	for input.Scan() {
		addresses.UpdateState(resolver.State{Addresses: parse(input.Text())})
		fmt.Println("updated")
	}
	close(ended)
	workers.Wait()
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"calls": calls.Load(), "failed": failed.Load(), "first": first.Load()})
}

func parse(line string) []resolver.Address {
	var found []resolver.Address
	for _, address := range strings.Fields(line) {
		found = append(found, resolver.Address{Addr: address})
	}
	return found
}
