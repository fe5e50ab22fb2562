import type { Connection, Runtime, Transport } from "@skein/core";
import { DEFAULT_MAX_FRAME_BYTES } from "./limits.ts";
import { MemoryConnection } from "./memory-connection.ts";

/** Who listens, by name. Transports that share one see each other. */
export interface MemoryNetwork {
  readonly listeners: Map<string, (connection: Connection) => void>;
}

export function createMemoryNetwork(): MemoryNetwork {
  return { listeners: new Map() };
}
/** What `memory:` addresses mean in this process. */
const processWide = createMemoryNetwork();
let ports = 0;

export interface MemoryTransportOptions {
  readonly runtime: Runtime;
  /** @default the process's own */
  readonly network?: MemoryNetwork | undefined;
  /** @default 4 MiB and room for metadata */
  readonly maxFrameBytes?: number | undefined;
}

/** Frames between two ends in one process: bytes are copied and arrive on a later tick, as over a socket. Addresses: `memory://name`. */
export function createMemoryTransport(options: MemoryTransportOptions): Transport {
  const { runtime, network = processWide, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } = options;
  return {
    scheme: "memory",
    async dial(address, { signal }) {
      signal?.throwIfAborted();
      const accept = network.listeners.get(nameOf(address));
      if (accept === undefined) throw new Error(`${address}: nobody listens there in this process`);
      const [dialled, accepted] = memoryPair(runtime, address, "memory://caller", maxFrameBytes);
      accept(accepted);
      return dialled;
    },
    async listen(address, accept) {
      const name = nameOf(address) || `port-${++ports}`;
      if (network.listeners.has(name)) throw new Error(`memory://${name} is in use: choose another name`);
      network.listeners.set(name, accept);
      return {
        address: `memory://${name}`,
        close: async () => {
          if (network.listeners.get(name) === accept) network.listeners.delete(name);
        },
      };
    },
  };
}

/** The two ends of a connection within a process; each is told how to call the other. */
export function memoryPair(
  runtime: Runtime,
  nearRemote: string,
  farRemote: string,
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES,
): readonly [near: Connection, far: Connection] {
  const near = new MemoryConnection(runtime, nearRemote, maxFrameBytes);
  const far = new MemoryConnection(runtime, farRemote, maxFrameBytes);
  near.peer = far;
  far.peer = near;
  return [near, far];
}

function nameOf(address: string): string {
  const match = /^memory:(?:\/\/)?([^/?#]*)$/.exec(address);
  if (match === null) throw new Error(`${address} is no memory address: memory://name`);
  return match[1] as string;
}
