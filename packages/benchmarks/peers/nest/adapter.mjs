// @nestjs/microservices over its TCP transport; the decorators are applied by hand, so that nothing is compiled.
import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientProxyFactory, MessagePattern, Payload, Transport } from "@nestjs/microservices";
import { lastValueFrom } from "rxjs";

const tcp = (port) => ({ transport: Transport.TCP, options: { host: "127.0.0.1", port } });

export async function startServer({ port, getUser }) {
  class BenchController {
    getUser(request) {
      return getUser(request);
    }
  }
  const method = Object.getOwnPropertyDescriptor(BenchController.prototype, "getUser");
  MessagePattern("getUser")(BenchController.prototype, "getUser", method);
  Payload()(BenchController.prototype, "getUser", 0);
  Controller()(BenchController);
  class BenchModule {}
  Module({ controllers: [BenchController] })(BenchModule);
  const app = await NestFactory.createMicroservice(BenchModule, { ...tcp(port), logger: false });
  await app.listen();
}

export async function connect({ port }) {
  const client = ClientProxyFactory.create(tcp(port));
  await client.connect();
  return { call: (request) => lastValueFrom(client.send("getUser", request)), close: () => client.close() };
}
