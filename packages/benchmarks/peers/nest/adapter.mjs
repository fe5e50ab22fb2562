// @nestjs/microservices over its TCP transport or over NATS; the decorators are applied by hand, so that nothing is compiled.
import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientProxyFactory, MessagePattern, Payload, Transport } from "@nestjs/microservices";
import { from, lastValueFrom } from "rxjs";

/** Messages asked for at once: the server of a stream cannot be told to stop or to wait. */
const AT_ONCE = 1000;

const transport = ({ port, variant, nats }) =>
  variant === "nats"
    ? { transport: Transport.NATS, options: { servers: [nats], queue: `bench${port}` } }
    : { transport: Transport.TCP, options: { host: "127.0.0.1", port } };
/** All processes of a run share one NATS server. */
const pattern = ({ port }, method) => `bench${port}.${method}`;

export async function startServer(options) {
  const { getUser } = options;
  async function* users(request) {
    for (let i = 0; i < request.count; i++) yield getUser(request);
  }
  class BenchController {
    getUser(request) {
      return getUser(request);
    }
    streamUsers(request) {
      return from(users(request));
    }
  }
  for (const name of ["getUser", "streamUsers"]) {
    const method = Object.getOwnPropertyDescriptor(BenchController.prototype, name);
    MessagePattern(pattern(options, name))(BenchController.prototype, name, method);
    Payload()(BenchController.prototype, name, 0);
  }
  Controller()(BenchController);
  class BenchModule {}
  Module({ controllers: [BenchController] })(BenchModule);
  const app = await NestFactory.createMicroservice(BenchModule, { ...transport(options), logger: false });
  await app.listen();
}

export async function connect(options) {
  const client = ClientProxyFactory.create(transport(options));
  await client.connect();
  return {
    call: (request) => lastValueFrom(client.send(pattern(options, "getUser"), request)),
    async *stream(request) {
      for (let left = request.count; left > 0; left -= AT_ONCE)
        yield* read(
          client.send(pattern(options, "streamUsers"), { ...request, count: Math.min(left, AT_ONCE) }),
        );
    },
    close: () => client.close(),
  };
}

/** An observable's values as they come, to its end even after a break: what is still sent must not fall on others. */
async function* read(observable) {
  let waiting = [];
  let ended = false;
  let failure;
  let wake = () => {};
  observable.subscribe({
    next: (value) => {
      waiting.push(value);
      wake();
    },
    error: (error) => {
      failure = error;
      ended = true;
      wake();
    },
    complete: () => {
      ended = true;
      wake();
    },
  });
  const more = () =>
    new Promise((resolve) => {
      wake = resolve;
    });
  try {
    while (true) {
      const values = waiting;
      waiting = [];
      yield* values;
      if (waiting.length > 0) continue;
      if (ended) break;
      await more();
    }
    if (failure !== undefined) throw failure;
  } finally {
    while (!ended) await more();
  }
}
