// Calls acme.v1.UserService/GetUser with grpc-go. Messages are made from the .proto as it stands, so that nothing has to be generated.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/dynamicpb"
)

func main() {
	if err := call(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func call(address, proto string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sources := &protocompile.SourceResolver{ImportPaths: []string{filepath.Dir(proto)}}
	files, err := (&protocompile.Compiler{Resolver: sources}).Compile(ctx, filepath.Base(proto))
	if err != nil {
		return err
	}
	method := files[0].Services().ByName("UserService").Methods().ByName("GetUser")
	request := dynamicpb.NewMessage(method.Input())
	if err := protojson.Unmarshal([]byte(`{"id":"42"}`), request); err != nil {
		return err
	}

	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	user := dynamicpb.NewMessage(method.Output())
	if err := conn.Invoke(ctx, "/acme.v1.UserService/GetUser", request, user); err != nil {
		return err
	}
	fmt.Println(protojson.Format(user))
	return nil
}
