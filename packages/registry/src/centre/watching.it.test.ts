import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { sampleInstance } from "@skein/conformance";
import { describe, expect, onTestFinished, test } from "vitest";
import { ARITH, ask, form, INSTANCE, json } from "../test/ask-centre.ts";
import { testCentre } from "../test/centre.ts";

describe("watching by long poll", () => {
  test("answers at once where something is new, else at the next change, else when the wait is over", async () => {
    const { centre } = await testCentre();
    const first = (await ask(centre.url, "/services/user?index=0")).body;
    expect(first.instances).toEqual([]);
    const started = performance.now();
    const empty = (await ask(centre.url, `/services/user?index=${first.index}&wait=200ms`)).body;
    expect(performance.now() - started).toBeGreaterThan(190);
    expect(empty).toEqual(first);
    const waiting = ask(centre.url, `/services/user?index=${first.index}&wait=20s`);
    await expect.poll(async () => (await ask(centre.url, "/health")).body.watchers).toBe(1);
    await ask(centre.url, "/register", json({ instance: { ...INSTANCE, service: "other", id: "o" } }));
    await ask(centre.url, "/register", json({ instance: INSTANCE }));
    const { body } = await waiting;
    expect(body.instances).toEqual([INSTANCE]);
    expect(body.index).toBeGreaterThan(first.index);
    expect((await ask(centre.url, "/health")).body.watchers).toBe(0);
    const later = (await ask(centre.url, `/services/user?index=${body.index + 1000}&wait=20s`)).body;
    expect(later).toEqual(body);
  });

  test("whoever goes is forgotten", async () => {
    const { centre } = await testCentre();
    const { index } = (await ask(centre.url, "/services/user")).body;
    const abort = new AbortController();
    const waiting = fetch(`${centre.url}/services/user?index=${index}`, { signal: abort.signal });
    await expect.poll(async () => (await ask(centre.url, "/health")).body.watchers).toBe(1);
    abort.abort();
    await expect(waiting).rejects.toThrow();
    await expect.poll(async () => (await ask(centre.url, "/health")).body.watchers).toBe(0);
  });

  test("an end by time is told as well", async () => {
    const { centre } = await testCentre();
    const { body } = await ask(centre.url, "/register", form({ ...ARITH, ttl: "1s" }));
    const asked = performance.now();
    const gone = await ask(centre.url, `/services/arith?index=${body.index}`);
    expect(gone.body.instances).toEqual([]);
    expect(performance.now() - asked).toBeLessThan(10_000);
  });

  test("when it stops, whoever waits is told", async () => {
    const { centre } = await testCentre();
    const { index } = (await ask(centre.url, "/services/user")).body;
    const waiting = ask(centre.url, `/services/user?index=${index}`);
    await expect.poll(async () => (await ask(centre.url, "/health")).body.watchers).toBe(1);
    await centre.close();
    expect(await waiting).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    await expect(fetch(centre.url)).rejects.toThrow();
  });
});

describe("watching by events", () => {
  async function* events(url: string, headers: Record<string, string> = {}): AsyncGenerator<any> {
    const response = await fetch(url, { headers: { accept: "text/event-stream", ...headers } });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    let text = "";
    for await (const chunk of Readable.fromWeb(response.body as never)) {
      text += Buffer.from(chunk).toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [, id, data] = /^event: service\nid: (\d+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (data !== undefined) yield { id: Number(id), ...JSON.parse(data) };
      }
    }
  }

  test("the present set, then each change; an event that is known is not told again", async () => {
    const { centre } = await testCentre();
    const stream = events(`${centre.url}/services/user`);
    const { value: first } = await stream.next();
    expect([first.instances, first.id]).toEqual([[], first.index]);
    await ask(centre.url, "/register", json({ instance: INSTANCE }));
    const { value: second } = await stream.next();
    expect(second.instances).toEqual([INSTANCE]);
    await stream.return(undefined);
    const resumed = events(`${centre.url}/services/user`, { "last-event-id": String(second.id) });
    const next = resumed.next();
    await expect.poll(async () => (await ask(centre.url, "/health")).body.watchers).toBe(1);
    await ask(centre.url, "/register", json({ instance: { ...INSTANCE, id: "u2" } }));
    expect((await next).value.instances.length).toBe(2);
    await centre.close();
    expect((await resumed.next()).done).toBe(true);
  });

  test("whoever reads slowly gets the newest, not all that was", async () => {
    const { centre } = await testCentre();
    const { hostname, port } = new URL(centre.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.write("GET /services/user HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n");
    await once(socket, "data");
    socket.pause();
    const lease = centre.store.grant(60_000)?.id as string;
    const metadata = { long: "x".repeat(8000) };
    const put = (id: string) =>
      centre.store.put(lease, { namespace: "default", instance: sampleInstance("user", { id, metadata }) });
    // About 80 MB, were all of it told: more than any buffer between holds.
    for (let n = 0; n < 140; n++) {
      put(`i${n}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    let bytes = 0;
    let tail = "";
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      tail = (tail + chunk).slice(-2_000_000);
    });
    socket.resume();
    await expect.poll(() => tail.includes('"id":"i139"')).toBe(true);
    expect(bytes).toBeLessThan(40_000_000);
  });
});
