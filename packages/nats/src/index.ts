export { createEventBus } from "./events/create-event-bus.ts";
export { createTransport, type NatsTransportOptions } from "./nats-transport.ts";
export { createRegistry, type NatsRegistryOptions } from "./registry/create-registry.ts";
