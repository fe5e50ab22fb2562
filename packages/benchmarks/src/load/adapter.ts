import type { StreamRequest, User, UserRequest } from "./service.ts";

/** Where an adapter serves or calls, and what it serves. */
export interface AdapterOptions {
  /** Free on 127.0.0.1 when the server starts. */
  readonly port: number;
  /** A second one, for peers whose client listens as well. */
  readonly sparePort: number;
  /** What followed the colon in `name:variant`; empty without one. */
  readonly variant: string;
  /** Where a call is posted, where that is not what the adapter's own server has. */
  readonly path?: string;
  /** A NATS server, where the adapter needs one. All of a run share it: subjects begin with `bench` and the port. */
  readonly nats?: string;
  readonly getUser: (request: UserRequest) => User;
}

export interface AdapterClient {
  call(request: UserRequest): Promise<Pick<User, "id">>;
  /** Absent where the peer has no server streaming. Must hold the server back when the reader is slow. */
  stream?(request: StreamRequest): AsyncIterable<Pick<User, "id">>;
  close(): Promise<void> | void;
}

/** What an adapter's module exports. Server and client run in a process of their own each. */
export interface Adapter {
  /** Resolves once calls are accepted on 127.0.0.1:port. */
  startServer(options: AdapterOptions): Promise<unknown>;
  connect(options: AdapterOptions): Promise<AdapterClient>;
}

export async function loadAdapter(moduleUrl: string): Promise<Adapter> {
  const loaded = (await import(moduleUrl)) as Partial<Adapter>;
  if (typeof loaded.startServer !== "function" || typeof loaded.connect !== "function")
    throw new TypeError(`adapter ${moduleUrl} must export startServer() and connect()`);
  return loaded as Adapter;
}
