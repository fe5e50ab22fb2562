import { setMaxListeners } from "node:events";
import { nodeRuntime } from "@skein/conformance/node";
import * as dnsPacket from "dns-packet";
import { expect, test } from "vitest";
import { DnsResolver } from "./dns-resolver.ts";
import { parseServer } from "./dns-servers.ts";
import { a, srv } from "./test/dns-server.ts";
import { dnsServer, open, urls } from "./test/setup.ts";

const NAME = "user.example.org";

test("what is no answer to the question is not looked at", async () => {
  const server = await dnsServer();
  server.say(NAME, "A", [a(NAME, "10.0.0.1")]);
  const wrong = (answer: Buffer, given: dnsPacket.Packet): Buffer =>
    dnsPacket.encode({
      ...dnsPacket.decode(answer),
      answers: [a(NAME, "6.6.6.6")],
      type: "response",
      ...given,
    });
  server.instead = (answer, _, { id = 0 }) => [
    wrong(answer, { id: (id + 1) & 0xffff }),
    wrong(answer, { type: "query" }),
    wrong(answer, { questions: [] }),
    wrong(answer, { questions: [{ name: "order.example.org", type: "A" }] }),
    wrong(answer, { questions: [{ name: NAME, type: "AAAA" }] }),
    wrong(answer, { questions: [{ name: NAME, type: "A", class: "CH" }] }),
    wrong(answer, { flags: 2 << 11 }),
    answer.subarray(0, 20),
    Buffer.alloc(0),
    Buffer.from("HTTP/1.1 400 Bad Request"),
    answer,
  ];
  const registry = open(`dns+srv://${NAME}?type=a&port=1&server=${server.address}`);
  expect(urls(await registry.get("user"))).toEqual(["tcp://10.0.0.1:1"]);
  expect(server.asked.length).toBe(1);
});

test("by TCP it is an error", async () => {
  const server = await dnsServer();
  server.say(NAME, "SRV", []);
  server.instead = () => [Buffer.from("HTTP/1.1 400 Bad Request")];
  const registry = open(`dns+srv://${NAME}?transport=tcp&server=${server.address}`);
  await expect(registry.get("user")).rejects.toThrow(
    `${NAME} SRV: ${server.address}: by TCP: answered something else`,
  );
});

test("records of other names and classes are not taken", async () => {
  const server = await dnsServer();
  server.say(NAME, "A", [
    a("order.example.org", "6.6.6.6"),
    { ...a(NAME, "6.6.6.7"), class: "CH" } as dnsPacket.Answer,
    a(NAME, "10.0.0.1"),
  ]);
  const registry = open(`dns+srv://${NAME}?type=a&port=1&server=${server.address}`);
  expect(urls(await registry.get("user"))).toEqual(["tcp://10.0.0.1:1"]);
});

test("aliases in a circle are an error", async () => {
  const server = await dnsServer();
  const alias = (name: string, data: string): dnsPacket.Answer => ({
    name,
    type: "CNAME",
    ttl: 1,
    class: "IN",
    data,
  });
  server.say("a.org", "A", [alias("a.org", "b.org"), alias("b.org", "a.org")]);
  for (let n = 0; n < 20; n++) server.say(`${n}.org`, "A", [alias(`${n}.org`, `${n + 1}.org`)]);
  server.say("c.org", "A", [alias("c.org", "0.org")]);
  const of = (name: string) => open(`dns+srv://${name}?service=user&type=a&port=1&server=${server.address}`);
  expect((await of("a.org").get("user")).instances).toEqual([]);
  await expect(of("c.org").get("user")).rejects.toThrow("c.org A: more than 8 CNAMEs one after another");
});

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The answer with some bytes changed, cut off, or doubled; its id and question stay as they are, so that it is read. */
function mangled(answer: Buffer, next: () => number): Buffer {
  const at = (from: number, to: number): number => from + Math.floor(next() * (to - from));
  const head = 12 + NAME.length + 2 + 4;
  const made = Buffer.from(next() < 0.2 ? Buffer.concat([answer, answer.subarray(head)]) : answer);
  for (let n = at(0, 12); n > 0; n--) made[next() < 0.3 ? at(6, 12) : at(head, made.length)] = at(0, 256);
  return next() < 0.2 ? made.subarray(0, at(0, made.length)) : made;
}

test("10,000 mangled answers: each is an answer or an error, soon", { timeout: 120_000 }, async () => {
  const server = await dnsServer();
  server.say(NAME, "SRV", [
    srv(NAME, "one.example.org", 1),
    srv(NAME, "two.example.org", 2),
    { name: NAME, type: "CNAME", ttl: 1, class: "IN", data: "other.example.org" },
    { name: NAME, type: "TXT", ttl: 1, class: "IN", data: ["x", "yy"] },
  ]);
  server.additionals = [a("one.example.org", "10.0.0.1"), a("two.example.org", "10.0.0.2")];
  const next = random(7);
  server.instead = (answer, _, query) =>
    query.questions?.[0]?.name === NAME ? [mangled(answer, next)] : [answer];
  const resolver = new DnsResolver({
    runtime: nodeRuntime,
    servers: () => [parseServer(server.address) ?? expect.unreachable()],
    transport: "udp",
    // Those that cannot be read are waited for until the end.
    timeoutMs: 40,
  });
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  let [read, refused] = [0, 0];
  for (let n = 0; n < 10_000; n += 50)
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        try {
          const { records, ttlMs } = await resolver.ask(NAME, "SRV", signal);
          expect(records.every((r) => r.type === "SRV")).toBe(true);
          expect(ttlMs).toBeGreaterThanOrEqual(0);
          read++;
        } catch (error) {
          expect(error).toMatchObject({ name: "RpcError", code: "UNAVAILABLE" });
          refused++;
        }
      }),
    );
  expect(read + refused).toBe(10_000);
  expect(read).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
  server.instead = undefined;
  server.say(NAME, "SRV", [srv(NAME, "one.example.org", 1)]);
  expect(urls(await open(`dns+srv://${NAME}?server=${server.address}`).get("user"))).toEqual([
    "tcp://10.0.0.1:1",
  ]);
});

test("mangled answers: whoever watches has instances that can be, or is told of trouble", {
  timeout: 60_000,
}, async () => {
  const server = await dnsServer();
  const next = random(11);
  server.say(NAME, "SRV", [srv(NAME, "one.example.org", 1), srv(NAME, "two.example.org", 2)]);
  server.additionals = [a("one.example.org", "10.0.0.1"), a("two.example.org", "10.0.0.2")];
  // By TCP, where garbage is an error at once.
  server.instead = (answer) => [mangled(answer, next)];
  const registry = open(`dns+srv://${NAME}?transport=tcp&server=${server.address}`);
  let found = 0;
  for (let n = 0; n < 1000; n++) {
    const snapshot = await registry.get("user").catch((error: unknown) => error as Error);
    if (snapshot instanceof Error) expect(snapshot).toMatchObject({ name: "RpcError" });
    else {
      found++;
      for (const i of snapshot.instances) expect(i.id).toMatch(/^static:tcp:\/\/[\d.[\]:a-f]+:\d+$/);
    }
  }
  expect(found).toBeGreaterThan(50);
});
