import { type ChildProcess, spawn } from "node:child_process";
import dns from "node:dns";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { createTcpTransport } from "./tcp.ts";
import { testRuntime } from "./test/runtime.ts";

const runtime = testRuntime();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
});

/** A port where connections are neither made nor refused: its process stands still, and no more fit in the queue of those that come. */
async function silentPort(): Promise<number> {
  const program = `const s = require("node:net").createServer();
s.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))`;
  const child: ChildProcess = spawn(process.execPath, ["-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  closing.push(() => child.kill("SIGKILL"));
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const port = Number(line);
  child.kill("SIGSTOP");
  for (;;) {
    const socket: Socket = connect(port, "127.0.0.1").on("error", () => {});
    closing.push(() => socket.destroy());
    const made = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise((resolve) => setTimeout(() => setTimeout(() => resolve(false), 200), 300)),
    ]);
    if (made === false) return port;
  }
}

test("of a name's two addresses the second is tried after a quarter of a second, when the first does not answer", async () => {
  const port = await silentPort();
  const transport = createTcpTransport({ runtime });
  const listener = await transport.listen(`tcp://[::1]:${port}`, () => {});
  closing.push(() => listener.close());
  const both = [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ];
  vi.spyOn(dns, "lookup").mockImplementation(((_name: string, _options: object, found: Function) =>
    found(null, both)) as never);
  const began = performance.now();
  const connection = await transport.dial(`tcp://two.example:${port}`, { timeoutMs: 10_000 });
  closing.push(() => connection.close());
  expect(performance.now() - began).toBeGreaterThan(200);
  // Alone, the first is not reached at all.
  vi.mocked(dns.lookup).mockImplementation(((_name: string, _options: object, found: Function) =>
    found(null, both.slice(0, 1))) as never);
  await expect(transport.dial(`tcp://two.example:${port}`, { timeoutMs: 500 })).rejects.toThrow(
    "did not answer",
  );
});
