// A Go program that speaks NATS's micro protocol (nats.go/micro), for the tests: it lists and calls services of ours, and serves one that ours call.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

const usage = `usage:
  nats-micro-interop ask URL           reads questions, a JSON object a line, and prints an answer a line
  nats-micro-interop serve URL LABEL   serves calc until its input ends; prints its id`

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
	nc, err := nats.Connect(args[1], nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer nc.Close()
	switch {
	case args[0] == "ask" && len(args) == 2:
		return ask(nc)
	case args[0] == "serve" && len(args) == 3:
		return serve(nc, args[2])
	}
	return errors.New(usage)
}

// One of: a verb ("PING", "INFO", "STATS") with perhaps a name and an id; a subject to be called Count times at once.
type question struct {
	Verb    string            `json:"verb"`
	Name    string            `json:"name"`
	ID      string            `json:"id"`
	Subject string            `json:"subject"`
	Data    json.RawMessage   `json:"data"`
	Headers map[string]string `json:"headers"`
	Count   int               `json:"count"`
}

type answer struct {
	Data   string `json:"data"`
	Error  string `json:"error"`
	Code   string `json:"code"`
	Failed string `json:"failed,omitempty"`
}

func ask(nc *nats.Conn) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		var told any
		var err error
		if q.Verb != "" {
			told, err = list(nc, q)
		} else {
			told = callAll(nc, q)
		}
		if err != nil {
			told = map[string]string{"failed": err.Error()}
		}
		if err := out.Encode(told); err != nil {
			return err
		}
	}
	return lines.Err()
}

// What everybody tells, the first within 1.5 s and the next within 300 ms each, decoded into nats.go's own structs: nothing may be unknown to them.
func list(nc *nats.Conn, q question) ([]any, error) {
	verbs := map[string]micro.Verb{"PING": micro.PingVerb, "INFO": micro.InfoVerb, "STATS": micro.StatsVerb}
	subject, err := micro.ControlSubject(verbs[q.Verb], q.Name, q.ID)
	if err != nil {
		return nil, err
	}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := nc.PublishRequest(subject, inbox, nil); err != nil {
		return nil, err
	}
	told := []any{}
	wait := 1500 * time.Millisecond
	for {
		msg, err := sub.NextMsg(wait)
		if err != nil {
			return told, nil
		}
		wait = 300 * time.Millisecond
		var into any
		switch q.Verb {
		case "PING":
			into = &micro.Ping{}
		case "INFO":
			into = &micro.Info{}
		default:
			into = &micro.Stats{}
		}
		strict := json.NewDecoder(bytes.NewReader(msg.Data))
		strict.DisallowUnknownFields()
		if err := strict.Decode(into); err != nil {
			return nil, fmt.Errorf("%s: %w", msg.Data, err)
		}
		told = append(told, into)
	}
}

func callAll(nc *nats.Conn, q question) any {
	if q.Count < 2 {
		return call(nc, q)
	}
	answers := make([]answer, q.Count)
	var all sync.WaitGroup
	for i := range answers {
		all.Add(1)
		go func() {
			defer all.Done()
			answers[i] = call(nc, q)
		}()
	}
	all.Wait()
	return answers
}

func call(nc *nats.Conn, q question) answer {
	msg := &nats.Msg{Subject: q.Subject, Data: q.Data, Header: nats.Header{}}
	for name, value := range q.Headers {
		msg.Header.Set(name, value)
	}
	got, err := nc.RequestMsg(msg, 5*time.Second)
	if err != nil {
		return answer{Failed: err.Error()}
	}
	return answer{
		Data:  string(got.Data),
		Error: got.Header.Get(micro.ErrorHeader),
		Code:  got.Header.Get(micro.ErrorCodeHeader),
	}
}

func serve(nc *nats.Conn, label string) error {
	service, err := micro.AddService(nc, micro.Config{Name: "calc", Version: "1.2.3", Description: "sums"})
	if err != nil {
		return err
	}
	calc := service.AddGroup("calc")
	add := func(name string, handle func(req micro.Request)) {
		if err == nil {
			// Handlers of one endpoint run one after another otherwise.
			err = calc.AddEndpoint(name, micro.HandlerFunc(func(req micro.Request) { go handle(req) }))
		}
	}
	add("Add", func(req micro.Request) {
		var in struct{ A, B int }
		if err := json.Unmarshal(req.Data(), &in); err != nil {
			_ = req.Error("400", "give A and B", nil)
			return
		}
		_ = req.RespondJSON(in.A + in.B)
	})
	add("label", func(req micro.Request) { _ = req.RespondJSON(label) })
	add("sleep", func(req micro.Request) {
		ms, _ := strconv.Atoi(string(req.Data()))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		_ = req.RespondJSON(label)
	})
	add("fail", func(req micro.Request) {
		_ = req.Error("404", "no such sum", []byte(`{"sum":7}`))
	})
	add("about", func(req micro.Request) {
		_ = req.RespondJSON(map[string]string{
			"tenant":  req.Headers().Get("x-tenant"),
			"token":   req.Headers().Get("Authorization"),
			"timeout": req.Headers().Get("Timeout"),
			"trace":   req.Headers().Get("traceparent"),
		})
	})
	add("plain", func(req micro.Request) { _ = req.Respond([]byte("no JSON")) })
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	fmt.Println(service.Info().ID)
	_, err = io.Copy(io.Discard, os.Stdin)
	_ = service.Stop()
	return err
}
