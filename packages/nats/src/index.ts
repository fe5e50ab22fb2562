export { createTransport, type NatsTransportOptions } from "./nats-transport.ts";
