package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// For application/grpc+json: the same messages in protobuf's JSON.
type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error) {
	return protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(v.(proto.Message))
}
func (jsonCodec) Unmarshal(data []byte, v any) error {
	if string(data) == "null" {
		return nil
	}
	return protojson.Unmarshal(data, v.(proto.Message))
}

// The service of yard.proto.
type yard struct {
	name               string
	running, cancelled atomic.Int32
}

// Serves at ADDRESS and prints where. Each line of input is a command: `drain` stops gracefully and prints `drained`.
func serve(folder, file, service, name, address, streams string) error {
	encoding.RegisterCodec(jsonCodec{})
	files, err := compile(folder, file)
	if err != nil {
		return err
	}
	described := files.Services().ByName(protoreflect.Name(service[strings.LastIndex(service, ".")+1:]))
	most, err := strconv.Atoi(streams)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxConcurrentStreams(uint32(most)))
	server.RegisterService(describe(&yard{name: name}, described), nil)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().String())
	go func() {
		input := bufio.NewScanner(os.Stdin)
		for input.Scan() {
			if input.Text() == "drain" {
				server.GracefulStop()
				fmt.Println("drained")
			}
		}
		os.Exit(0)
	}()
	if err := server.Serve(listener); err != nil {
		return err
	}
	select {}
}

func describe(y *yard, service protoreflect.ServiceDescriptor) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), HandlerType: (*any)(nil)}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		if method.IsStreamingClient() || method.IsStreamingServer() {
			desc.Streams = append(desc.Streams, grpc.StreamDesc{
				StreamName: string(method.Name()), ClientStreams: method.IsStreamingClient(), ServerStreams: method.IsStreamingServer(),
				Handler: func(_ any, stream grpc.ServerStream) error { return y.stream(method, stream) },
			})
			continue
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: string(method.Name()),
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				input := dynamicpb.NewMessage(method.Input())
				if err := decode(input); err != nil {
					return nil, err
				}
				output := dynamicpb.NewMessage(method.Output())
				return output, y.unary(ctx, method, input, output)
			},
		})
	}
	return desc
}

func get(message *dynamicpb.Message, field string) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(field)))
}

func set(message *dynamicpb.Message, field string, value any) {
	message.Set(message.Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOf(value))
}

func (y *yard) unary(ctx context.Context, method protoreflect.MethodDescriptor, input, output *dynamicpb.Message) error {
	switch method.Name() {
	case "WhoAreYou":
		set(output, "text", y.name)
	case "Wait", "Hold":
		y.running.Add(1)
		defer y.running.Add(-1)
		select {
		case <-time.After(time.Duration(get(input, "ms").Int()) * time.Millisecond):
			set(output, "text", y.name)
		case <-ctx.Done():
			y.cancelled.Add(1)
			return status.FromContextError(ctx.Err()).Err()
		}
	case "About":
		given, _ := metadata.FromIncomingContext(ctx)
		set(output, "tenant", strings.Join(given.Get("x-tenant"), ","))
		set(output, "token", strings.Join(given.Get("authorization"), ","))
		set(output, "trace", []byte(strings.Join(given.Get("x-trace-bin"), ",")))
		if deadline, ok := ctx.Deadline(); ok {
			set(output, "left_ms", int32(time.Until(deadline).Milliseconds()))
		}
	case "Tallied":
		set(output, "running", y.running.Load())
		set(output, "cancelled", y.cancelled.Load())
	case "Fail":
		return y.fail(get(input, "text").String())
	case "Long":
		set(output, "text", strings.Repeat("x", int(get(input, "n").Int())))
	default:
		return status.Errorf(codes.Unimplemented, "no %s", method.Name())
	}
	return nil
}

func (y *yard) fail(how string) error {
	switch how {
	case "plainly":
		return fmt.Errorf("plain: 100 %% nö")
	}
	failed, err := status.New(codes.FailedPrecondition, "the yard is shut — ü").WithDetails(
		&errdetails.ErrorInfo{Reason: "YARD_SHUT", Domain: "acme", Metadata: map[string]string{"until": "9"}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "text", Description: "shut"}}},
	)
	if err != nil {
		return err
	}
	return failed.Err()
}

func (y *yard) stream(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	switch method.Name() {
	case "Count":
		input := dynamicpb.NewMessage(method.Input())
		if err := stream.RecvMsg(input); err != nil {
			return err
		}
		y.running.Add(1)
		defer y.running.Add(-1)
		for n := int64(1); n <= get(input, "n").Int(); n++ {
			output := dynamicpb.NewMessage(method.Output())
			set(output, "n", n)
			if err := stream.SendMsg(output); err != nil {
				y.cancelled.Add(1)
				return err
			}
		}
		return nil
	case "Sum":
		sum := int64(0)
		for {
			input := dynamicpb.NewMessage(method.Input())
			err := stream.RecvMsg(input)
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			if sum += get(input, "n").Int(); sum < 0 {
				return status.Error(codes.OutOfRange, "below nothing")
			}
		}
		output := dynamicpb.NewMessage(method.Output())
		set(output, "n", sum)
		return stream.SendMsg(output)
	case "Echo":
		for {
			input := dynamicpb.NewMessage(method.Input())
			err := stream.RecvMsg(input)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := stream.SendMsg(input); err != nil {
				return err
			}
		}
	}
	return status.Errorf(codes.Unimplemented, "no %s", method.Name())
}
