// Connect for Node over HTTP/2 without TLS. Variants: grpc (default), connect.
import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { Bench, UserSchema } from "./gen/bench_pb.js";

export async function startServer({ port, getUser }) {
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(Bench, {
        getUser: (request) => create(UserSchema, getUser(request)),
        async *streamUsers(request) {
          for (let i = 0; i < request.count; i++) yield create(UserSchema, getUser(request));
        },
      }),
  });
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
}

export async function connect({ port, variant }) {
  const baseUrl = `http://127.0.0.1:${port}`;
  const transport =
    variant === "connect"
      ? createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true })
      : createGrpcTransport({ baseUrl });
  const client = createClient(Bench, transport);
  return {
    call: (request) => client.getUser(request),
    stream: (request) => client.streamUsers(request),
    close: () => {},
  };
}
