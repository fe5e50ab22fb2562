import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that systems give to what connects: one of them may be gone before a server has it, to a connection of whoever tries to reach that server. */
const PORTS = { from: 10_240, to: 32_767 } as const;

/** A TCP port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}
