import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { answers } from "./answers.ts";

const { signal: NEVER } = new AbortController();
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listening(says: string | undefined): Promise<{ server: Server; host: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    if (says !== undefined) socket.write(says);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const connections = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count)));

test("who says something answers, and is left", async () => {
  const { server, host } = await listening("INFO {}\r\n");
  await answers(host, 5000, NEVER);
  await expect.poll(() => connections(server)).toBe(0);
});

test("who says nothing does not answer, and is left", async () => {
  const { server, host } = await listening(undefined);
  await expect(answers(host, 50, NEVER)).rejects.toMatchObject({ code: "TIMEOUT" });
  await expect.poll(() => connections(server)).toBe(0);
});

test("who is not there refuses", async () => {
  const { server, host } = await listening(undefined);
  await new Promise((resolve) => server.close(resolve));
  await expect(answers(host, 5000, NEVER)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("it can be given up", async () => {
  const { server, host } = await listening(undefined);
  const abort = new AbortController();
  const asked = answers(host, 60_000, abort.signal);
  await once(server, "connection");
  abort.abort(new Error("not wanted"));
  await expect(asked).rejects.toThrow("not wanted");
  await expect(answers(host, 60_000, abort.signal)).rejects.toThrow("not wanted");
  await expect.poll(() => connections(server)).toBe(0);
});
