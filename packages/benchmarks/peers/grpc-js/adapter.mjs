// @grpc/grpc-js with static protobufjs code, one channel.
import grpc from "@grpc/grpc-js";
import { bench } from "./gen/pbjs.js";

const { Req, User } = bench;
const WAIT_MS = 5000;
const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const method = (path, responseStream) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: (message) => Req.encode(message).finish(),
  requestDeserialize: (bytes) => Req.decode(bytes),
  responseSerialize: (message) => User.encode(message).finish(),
  responseDeserialize: (bytes) => User.decode(bytes),
});
const definition = {
  GetUser: method("/bench.Bench/GetUser", false),
  StreamUsers: method("/bench.Bench/StreamUsers", true),
};

export async function startServer({ port, getUser }) {
  const server = new grpc.Server(unlimited);
  server.addService(definition, {
    GetUser: (call, callback) => callback(null, getUser(call.request)),
    StreamUsers: (call) => {
      let left = call.request.count;
      const pump = () => {
        while (left > 0 && !call.cancelled) {
          left--;
          if (!call.write(getUser(call.request))) {
            call.once("drain", pump);
            return;
          }
        }
        call.end();
      };
      pump();
    },
  });
  await new Promise((resolve, reject) => {
    const bound = (error) => (error ? reject(error) : resolve());
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), bound);
  });
}

export async function connect({ port }) {
  const Client = grpc.makeGenericClientConstructor(definition, "Bench");
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), unlimited);
  await new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + WAIT_MS, (error) => (error ? reject(error) : resolve()));
  });
  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        client.GetUser(request, (error, user) => (error ? reject(error) : resolve(user)));
      }),
    async *stream(request) {
      const call = client.StreamUsers(request);
      call.on("error", () => {}); // cancelling it below is reported as one
      try {
        yield* call;
      } finally {
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}
