// Calls User.GetUser as any Go program calls a net/rpc server. Standard library only.
package main

import (
	"encoding/json"
	"log"
	"net/rpc/jsonrpc"
	"os"
)

type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func main() {
	client, err := jsonrpc.Dial("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var user User
	if err := client.Call("UserService.GetUser", map[string]string{"id": "42"}, &user); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(user); err != nil {
		log.Fatal(err)
	}
}
