import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { ARITH, ask, form, INSTANCE, json } from "../test/ask-centre.ts";
import { testCentre } from "../test/centre.ts";

describe("by hand", () => {
  test("a line of curl registers for 60 s, is listed as it was written, renews and goes", async () => {
    const { centre } = await testCentre();
    const { status, body } = await ask(centre.url, "/register", form(ARITH));
    expect({ status, ...body }).toMatchObject({
      ...{ status: 200, service: "arith", id: "static:arith@127.0.0.1:1234", ttlMs: 60_000 },
    });
    const listed = await ask(centre.url, "/services");
    expect(listed.body.services).toMatchObject([
      {
        ...{ name: "Arith", service: "arith", versions: ["0.0.0"] },
        instances: [{ addresses: [{ protocol: "skein", url: "tcp://127.0.0.1:1234" }], byHand: true }],
      },
    ]);
    const [instance] = listed.body.services[0].instances;
    expect(Date.now() - Date.parse(instance.lastHeartbeat)).toBeLessThan(5000);
    expect((await ask(centre.url, "/services/Arith")).body).toMatchObject({
      name: "Arith",
      index: body.index,
    });
    const again = await ask(centre.url, "/register", form(ARITH));
    expect(again.body).toEqual(body);
    expect(await ask(centre.url, "/heartbeat", form(ARITH))).toMatchObject({
      status: 200,
      body: { ttlMs: 60_000 },
    });
    expect((await ask(centre.url, "/deregister", form(ARITH))).body).toEqual({ removed: 1 });
    expect((await ask(centre.url, "/deregister", form(ARITH))).body).toEqual({ removed: 0 });
    expect(await ask(centre.url, "/heartbeat", form(ARITH))).toMatchObject({
      ...{ status: 404, body: { code: "NOT_FOUND", message: expect.stringContaining("register again") } },
    });
    expect(centre.store.leases).toBe(0);
  });

  test("all fields, as a form and as JSON, with and without a content type", async () => {
    const { centre } = await testCentre();
    const more = { version: "1.2.0", zone: "a", weight: "3", ttl: "5s", protocol: "http", id: "own" };
    await ask(
      centre.url,
      "/register",
      form({ name: "a", addr: "http://10.0.0.1:80/x", ...more, "meta.k": "v=1" }),
    );
    const asJson = {
      name: "a",
      addr: "[::1]:1234",
      ...more,
      weight: 3,
      ttl: 5,
      id: "own2",
      metadata: { k: "v=1" },
    };
    await ask(centre.url, "/register", json(asJson));
    await ask(centre.url, "/register", {
      method: "POST",
      body: '{"name":"b","addr":"unix:/run/b.sock"}',
    }).then((a) => expect(a).toMatchObject({ status: 415 }));
    const curl = { "content-type": "application/x-www-form-urlencoded" };
    const body = '{"name":"b","addr":"unix:/run/b.sock"}';
    expect(await ask(centre.url, "/register", { method: "POST", body, headers: curl })).toMatchObject({
      status: 200,
    });
    const both = (await ask(centre.url, "/services/a")).body.instances;
    const known = { version: "1.2.0", zone: "a", weight: 3, ttlMs: 5000, metadata: { k: "v=1" } };
    expect(both).toMatchObject([
      { ...known, id: "own", addresses: [{ protocol: "http", url: "http://10.0.0.1:80/x" }] },
      { ...known, id: "own2", addresses: [{ protocol: "http", url: "tcp://[::1]:1234" }] },
    ]);
  });

  test("what a service holds is not touched by hand", async () => {
    const { centre } = await testCentre();
    const { body } = await ask(centre.url, "/register", json({ instance: INSTANCE }));
    expect(body).toMatchObject({ id: "u1", ttlMs: 30_000 });
    const taken = form({ name: "user", addr: "127.0.0.1:1", id: "u1" });
    expect(await ask(centre.url, "/register", taken)).toMatchObject({ status: 409 });
    expect(await ask(centre.url, "/deregister", form({ id: "u1" }))).toMatchObject({ status: 409 });
    expect((await ask(centre.url, "/deregister", form({ id: "u1", lease: "other" }))).body).toEqual({
      removed: 0,
    });
    expect((await ask(centre.url, "/heartbeat", form({ id: "u1" }))).body).toEqual({ ttlMs: 30_000 });
    expect(JSON.stringify((await ask(centre.url, "/services")).body)).not.toContain(body.lease);
    expect((await ask(centre.url, "/deregister", form({ lease: body.lease }))).body).toEqual({ removed: 1 });
  });
});

test("one heartbeat renews all that is under a lease; an unknown one is 404", async () => {
  const { centre } = await testCentre();
  const { lease } = (await ask(centre.url, "/lease", json({ ttlMs: 30_000 }))).body;
  for (const id of ["a", "b"])
    await ask(centre.url, "/register", json({ lease, instance: { ...INSTANCE, id }, namespace: "blue" }));
  expect((await ask(centre.url, "/services/user?namespace=blue")).body.instances.length).toBe(2);
  expect((await ask(centre.url, "/services/user")).body.instances).toEqual([]);
  expect((await ask(centre.url, "/heartbeat", json({ lease }))).body).toEqual({ ttlMs: 30_000 });
  expect((await ask(centre.url, "/deregister", json({ lease, id: "a", namespace: "blue" }))).body).toEqual({
    removed: 1,
  });
  centre.store.release(lease);
  expect((await ask(centre.url, "/heartbeat", json({ lease }))).status).toBe(404);
  expect((await ask(centre.url, "/register", json({ lease, instance: INSTANCE }))).status).toBe(404);
});

describe("bad input is refused with a sentence, and leaves nothing", () => {
  const named = (more: Record<string, unknown>) => json({ ...ARITH, ...more });
  test.each<[string, string, RequestInit, number, RegExp]>([
    ["no fields", "/register", form({}), 400, /there is no name: send name=user and addr=127\.0\.0\.1:1234/],
    ["no address", "/register", form({ name: "a" }), 400, /there is no addr/],
    ["an odd name", "/register", named({ name: "a/b" }), 400, /the service name "a\/b" cannot be a key/],
    [
      "an address without a port",
      "/register",
      named({ addr: "localhost" }),
      400,
      /addr="localhost" is no address/,
    ],
    ["a port that is none", "/register", named({ addr: "a:65536" }), 400, /addr="a:65536" is no address/],
    ["credentials in it", "/register", named({ addr: "http://u:p@h:1/" }), 400, /is no address/],
    ["an odd version", "/register", named({ version: "1/2" }), 400, /the version "1\/2" cannot be/],
    ["an odd id", "/register", named({ id: "a b" }), 400, /the instance id "a b" cannot be/],
    ["a weight that is none", "/register", named({ weight: "many" }), 400, /weight="many" is no number/],
    ["a weight below 0", "/register", named({ weight: -1 }), 400, /the weight -1/],
    ["a TTL that is none", "/register", named({ ttl: "soon" }), 400, /ttl="soon" is no duration/],
    [
      "a TTL too short",
      "/register",
      named({ ttl: "499ms" }),
      400,
      /a TTL of 499 ms is not from 500 ms to 24 hours/,
    ],
    ["a TTL too long", "/register", named({ ttl: "25h" }), 400, /a TTL of 90000000 ms/],
    [
      "a slip of the pen",
      "/register",
      named({ adr: "x" }),
      400,
      /the field "adr" is unknown.*did you mean addr/,
    ],
    ["an odd namespace", "/register", named({ namespace: "a/b" }), 400, /the namespace "a\/b" is none/],
    ["metadata that is none", "/register", named({ metadata: { a: 1 } }), 400, /metadata holds texts only/],
    [
      "metadata too long",
      "/register",
      named({ metadata: { a: "x".repeat(9000) } }),
      400,
      /metadata of instance/,
    ],
    ["an object for a name", "/register", named({ name: {} }), 400, /name is no text/],
    [
      "an instance that is none",
      "/register",
      json({ instance: { service: "user" } }),
      400,
      /the instance is none/,
    ],
    [
      "an instance with capitals",
      "/register",
      json({ instance: { ...INSTANCE, service: "User" } }),
      400,
      /"User"/,
    ],
    ["a list", "/register", json([1]), 400, /the body is no JSON object/],
    ["no JSON", "/register", { ...json(0), body: "{" }, 400, /the body is no JSON/],
    [
      "no UTF-8",
      "/register",
      { ...json(0), body: new Uint8Array([0x7b, 0xff]) },
      400,
      /the body is no UTF-8/,
    ],
    [
      "XML",
      "/register",
      { method: "POST", body: "<a/>", headers: { "content-type": "text/xml" } },
      415,
      /"text\/xml"/,
    ],
    [
      "twice",
      "/register",
      { ...form({}), body: new URLSearchParams("name=a&name=b") },
      400,
      /"name" is there twice/,
    ],
    ["too long", "/register", named({ id: "x".repeat(70_000) }), 413, /longer than 65536 bytes/],
    ["nobody", "/heartbeat", form({}), 400, /nobody is named/],
    ["an unknown field", "/heartbeat", form({ leas: "x" }), 400, /did you mean lease/],
    ["nobody", "/deregister", json({}), 400, /nobody is named/],
    ["an unknown field", "/lease", json({ lease: "x" }), 400, /the field "lease" is unknown/],
    ["GET", "/register", {}, 405, /GET is not done here: use POST/],
    ["PUT", "/services", { method: "PUT" }, 405, /PUT is not done here: use GET/],
    ["an unknown path", "/v1/agent", {}, 404, /there is nothing at "\/v1\/agent": there is POST \/register/],
    ["a longer path", "/services/a/b", {}, 404, /there is nothing at/],
    ["an escape that is none", "/services/%zz", {}, 400, /begins no escape/],
    ["an index that is none", "/services/a?index=-1", {}, 400, /index="-1" is none/],
    ["a wait that is none", "/services/a?index=0&wait=long", {}, 400, /wait="long" is no duration/],
    ["a wait too long", "/services/a?index=0&wait=11m", {}, 400, /wait=11m is too long/],
    ["an unknown parameter", "/services/a?idx=0", {}, 400, /the field "idx" is unknown; did you mean index/],
    ["all watched at once", "/services?index=0", {}, 400, /watch each/],
    ["a web page", "/register", { ...form(ARITH), headers: { origin: "http://evil" } }, 403, /web pages/],
  ])("%s to %s", async (_, path, init, status, message) => {
    const { centre, lines } = await testCentre();
    const answer = await ask(centre.url, path, init);
    expect(answer).toMatchObject({
      status,
      body: { code: expect.any(String), message: expect.stringMatching(message) },
    });
    if (status === 405) expect(answer.headers.get("allow")).toMatch(/^(POST|GET)$/);
    expect([centre.store.leases, centre.store.records]).toEqual([0, 0]);
    expect(lines).toEqual([]);
  });

  test("a body without an end is refused as soon as it is too long", async () => {
    const { centre } = await testCentre();
    const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(16_384)) });
    const init = { ...json(0), body: endless, duplex: "half" } as RequestInit;
    expect(await ask(centre.url, "/register", init)).toMatchObject({
      status: 413,
      body: { code: "RESOURCE_EXHAUSTED" },
    });
  });

  test("names that objects have do nothing", async () => {
    const { centre } = await testCentre();
    const body = '{"name":"a","addr":"h:1","metadata":{"__proto__":{"x":"1"}}}';
    expect(await ask(centre.url, "/register", { ...json(0), body })).toMatchObject({ status: 400 });
    expect(await ask(centre.url, "/services/__proto__")).toMatchObject({
      status: 200,
      body: { instances: [] },
    });
    expect(await ask(centre.url, "/constructor")).toMatchObject({ status: 404 });
    expect(({} as { x?: string }).x).toBeUndefined();
  });
});

describe("token", () => {
  const TOKEN = "marker-S3cr3t";
  test("is asked for, compared as a whole, and never said", async () => {
    const { centre, lines } = await testCentre({ token: TOKEN });
    const as = (authorization?: string): RequestInit => ({
      ...form(ARITH),
      ...(authorization === undefined ? {} : { headers: { authorization } }),
    });
    const wrong = [
      undefined,
      "",
      "Bearer",
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
    ];
    for (const authorization of wrong) {
      const { status, body, headers } = await ask(centre.url, "/register", as(authorization));
      expect({ authorization, status, code: body.code }).toEqual({
        ...{ authorization, status: 401, code: "UNAUTHENTICATED" },
      });
      expect(headers.get("www-authenticate")).toBe("Bearer");
      expect(JSON.stringify(body)).not.toContain(TOKEN);
    }
    for (const path of ["/services", "/services/a?index=0", "/nowhere"])
      expect((await ask(centre.url, path)).status).toBe(401);
    expect((await ask(centre.url, "/register", as(`bearer ${TOKEN}`))).status).toBe(200);
    expect(lines.length).toBe(1);
    expect(lines.join()).toMatch(/the token is missing or wrong/);
    expect(lines.join()).not.toContain(TOKEN);
  });

  test("health is for everybody, and says more to those who may know", async () => {
    const { centre } = await testCentre({ token: TOKEN });
    expect((await ask(centre.url, "/health")).body).toEqual({ status: "ok", authorized: false });
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await ask(centre.url, "/health", { headers })).body).toMatchObject({
      ...{ status: "ok", authorized: true, instances: 0, leases: 0, watchers: 0 },
    });
    expect((await ask(centre.url, "/health", { headers: { authorization: "Bearer x" } })).status).toBe(401);
  });
});

describe("what is no request, or too slow a one", () => {
  async function said(
    url: string,
    write: (text: (t: string) => void) => Promise<void> | void,
  ): Promise<string> {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    const closed = once(socket, "close");
    await once(socket, "connect");
    await write((t) => void (socket.writable && socket.write(t)));
    await closed;
    return text;
  }
  test("garbage and heads without an end are answered, and cut", async () => {
    const { centre } = await testCentre();
    expect(await said(centre.url, (w) => w("\x16\x03\x01garbage\r\n\r\n"))).toMatch(
      /^HTTP\/1\.1 400 .*"message"/s,
    );
    const long = `GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(40_000)}`;
    expect(await said(centre.url, (w) => w(long))).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("a head that comes a byte at a time, a body that stops, and silence are cut", async () => {
    const { centre } = await testCentre({ timeouts: { headersMs: 300, requestMs: 600 } });
    const started = performance.now();
    const slowly = said(centre.url, (w) => {
      const drip = setInterval(() => w("x"), 50);
      onTestFinished(() => clearInterval(drip));
      w("GET /health HTTP/1.1\r\nhost: a\r\nx: ");
      setTimeout(() => clearInterval(drip), 12_000);
    });
    const half = said(centre.url, (w) =>
      w("POST /register HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nname"),
    );
    const silent = said(centre.url, () => {});
    for (const answer of await Promise.all([slowly, half, silent]))
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(centre.store.leases).toBe(0);
  });

  test("a long poll is none of these", async () => {
    const { centre } = await testCentre({ timeouts: { headersMs: 1000, requestMs: 1000 } });
    const { index } = (await ask(centre.url, "/services/user")).body;
    expect((await ask(centre.url, `/services/user?index=${index}&wait=2500ms`)).status).toBe(200);
  });
});
