import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Door } from "@skein/core";

export interface DoorPort {
  readonly port: number;
  /** Of connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many have been handed over. */
  accepted(): number;
  close(): Promise<void>;
}

/** A port whose connections are handed to the door as transports do: half-open, first bytes looked at and put back. */
export async function openDoorPort(door: Door<Socket>): Promise<DoorPort> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      door.accept(socket);
      accepted++;
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { readonly port: number }).port,
    sockets,
    accepted: () => accepted,
    async close() {
      await door.close(0);
      server.close();
      await once(server, "close");
    },
  };
}
