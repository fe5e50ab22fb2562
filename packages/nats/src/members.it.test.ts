import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { nodeRuntime } from "@skein/conformance/node";
import { silentLogger } from "@skein/core";
import { afterEach, expect, test } from "vitest";
import { connectNats } from "./nats-client.ts";
import type { NatsPort } from "./nats-port.ts";
import { parseNatsUrl } from "./nats-url.ts";

const MEMBERS = 20;

const open: (Server | Socket)[] = [];
let client: NatsPort | undefined;
afterEach(async () => {
  await client?.close();
  for (const each of open.splice(0)) "destroy" in each ? each.destroy() : each.close();
});

async function listening(accept: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    open.push(socket);
    socket.on("error", () => {});
    accept(socket);
  }).listen(0);
  open.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function inform(socket: Socket, members: readonly string[]): void {
  const info = { server_id: "fake", version: "2.10.0", proto: 1, headers: true, max_payload: 1024 };
  socket.write(`INFO ${JSON.stringify({ ...info, cluster: "c", connect_urls: members })}\r\n`);
}

/** Speaks NATS as far as it goes without messages. */
async function server(met: (socket: Socket) => void): Promise<number> {
  return listening((socket) => {
    inform(socket, []);
    socket.on("data", (bytes) => {
      const text = String(bytes);
      if (text.includes("PING")) socket.write("PONG\r\n");
      if (text.includes("CONNECT")) met(socket);
    });
  });
}

/** Resolves once the client has taken what was sent to it before. */
function taken(socket: Socket): Promise<void> {
  socket.write("PING\r\n");
  return new Promise((resolve) => {
    const heard = (bytes: Buffer): void => {
      if (!String(bytes).includes("PONG")) return;
      socket.off("data", heard);
      resolve();
    };
    socket.on("data", heard);
  });
}

function connected(port: number, events: { connected(): void; memberGone(): void }): NatsPort {
  const runtime = { ...nodeRuntime, random: () => 0.5 };
  const target = parseNatsUrl(`nats://127.0.0.1:${port}`);
  client = connectNats(target, { runtime, logger: silentLogger }, { ...events, disconnected: () => {} });
  return client;
}

test("members that are gone are tried after all others", async () => {
  let asked = 0;
  const mute = await listening(() => asked++);
  const members = Array.from({ length: MEMBERS }, (_, n) => `127.0.0.${n + 2}:${mute}`);
  let sockets = 0;
  let metAgain = (): void => {};
  const second = new Promise<void>((resolve) => {
    metAgain = resolve;
  });
  let first: Socket | undefined;
  const port = await server((socket) => {
    if (++sockets === 2) metAgain();
    first ??= socket;
  });
  let memberGone = (): void => {};
  const gone = new Promise<void>((resolve) => {
    memberGone = resolve;
  });
  await connected(port, { connected: () => {}, memberGone: () => memberGone() }).ready(5000);
  inform(first as Socket, members);
  await taken(first as Socket);
  inform(first as Socket, []);
  await gone;
  first?.destroy();
  await second;
  expect(asked).toBe(0);
});

test("what throws when it is told of a connection makes no other", async () => {
  let sockets = 0;
  const port = await server(() => sockets++);
  const throws = (): void => {
    throw new Error("planted");
  };
  await connected(port, { connected: throws, memberGone: () => {} }).ready(5000);
  expect(sockets).toBe(1);
});
