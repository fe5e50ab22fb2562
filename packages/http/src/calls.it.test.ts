import { describe, expect, test } from "vitest";
import { STATUS_OF } from "./error-answer.ts";
import { post, request, useDesk } from "./test/bench.ts";

const desks = useDesk();

describe("a call", () => {
  test("JSON in, JSON out, on one kept connection", async () => {
    const { url, port } = await desks.open();
    const answer = await post(`${url}/desk/getUser`, { id: "42" });
    expect([answer.status, answer.headers.get("content-type"), answer.body]).toEqual([
      200,
      "application/json; charset=utf-8",
      { id: "42", name: "Ada" },
    ]);
    const peer = desks.raw(port);
    peer.write(request("/desk/getUser", '{"id":"1"}') + request("/desk/getUser", '{"id":"2"}'));
    await peer.until('"2","name":"Ada"}\n');
    expect(peer.text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  test("what JSON lacks is a string; no answer is null; no body is no input", async () => {
    const { url } = await desks.open();
    expect((await post(`${url}/desk/odd`)).body).toEqual({
      bytes: "AQL/",
      big: "12345678901234567890",
      at: "1970-01-01T00:00:00.000Z",
    });
    expect((await post(`${url}/desk/echo`)).body).toBe(null);
    expect((await post(`${url}/desk/echo`, { a: [1, null, "ü", { constructor: 1 }] })).body).toEqual({
      a: [1, null, "ü", { constructor: 1 }],
    });
  });

  test("GET calls idempotent methods, and no others", async () => {
    const { url } = await desks.open();
    expect(await (await fetch(`${url}/desk/odd`)).json()).toMatchObject({ bytes: "AQL/" });
    const input = encodeURIComponent('{"id":"ä"}');
    expect(await (await fetch(`${url}/desk/getUser?input=${input}`)).json()).toEqual({
      id: "ä",
      name: "Ada",
    });
    const fields = await fetch(`${url}/desk/getUser?id=42`);
    expect([fields.status, await fields.json()]).toMatchObject([
      400,
      { message: 'the query has no input: give it as JSON, as in ?input={"id":"42"}', executed: "no" },
    ]);
    const refused = await fetch(`${url}/desk/echo`);
    expect([refused.status, refused.headers.get("allow"), await refused.json()]).toEqual([
      405,
      "POST",
      {
        code: "UNIMPLEMENTED",
        message: "echo is called with POST: GET is for idempotent methods that take no stream",
        executed: "no",
      },
    ]);
    expect((await fetch(`${url}/desk/odd`, { method: "PUT" })).status).toBe(405);
  });

  test("what is not there is 404 and names what is near", async () => {
    const { url } = await desks.open();
    expect(await post(`${url}/dask/getUser`, {})).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND", message: 'no service "dask" here; did you mean desk?' },
    });
    expect(await post(`${url}/desk/getUsr`, {})).toMatchObject({
      status: 404,
      body: { code: "UNIMPLEMENTED", message: 'desk has no method "getUsr"; did you mean getUser?' },
    });
    for (const path of ["/", "/desk", "/desk/", "/desk/getUser/", "//desk/getUser", "/desk/%zz", "/a/b/c"])
      expect([path, (await post(`${url}${path}`, {})).status]).toEqual([path, 404]);
  });
});

describe("errors", () => {
  test.each(Object.entries(STATUS_OF))("%s is %i", async (code, status) => {
    const { url } = await desks.open();
    const answer = await post(`${url}/desk/fail`, JSON.stringify(code));
    expect(answer).toMatchObject({
      status,
      body: { code, message: expect.stringContaining(`it is ${code}`), executed: "yes" },
    });
    // What is INTERNAL is shown in the log alone.
    expect(answer.body.details).toEqual(code === "INTERNAL" ? undefined : { code });
    expect(answer.headers.has("retry-after")).toBe(status === 429 || status === 503);
  });

  test("a typed error has its type and data", async () => {
    const { url } = await desks.open();
    expect(await post(`${url}/desk/getUser`, { id: "7" })).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND", type: "GONE", details: { id: "7" }, message: "gone", executed: "yes" },
    });
  });

  test("input that the schema refuses is a 400 that says what is wrong with it", async () => {
    const { url } = await desks.open();
    const { status, body } = await post(`${url}/desk/getUser`, { id: "" });
    expect([status, body.code, body.executed]).toEqual([400, "INVALID_ARGUMENT", "no"]);
    expect(JSON.stringify(body)).toContain("id");
  });

  test("what a handler throws unexpectedly is a 500 with the id of its log line, and no more", async () => {
    const { url } = await desks.open();
    const { status, body } = await post(`${url}/desk/crash`);
    expect([status, body]).toEqual([
      500,
      { code: "INTERNAL", message: expect.any(String), id: expect.any(String), executed: "yes" },
    ]);
    expect(JSON.stringify(body)).not.toContain("hunter2");
  });

  test("overload is 429 with the time after which to come again", async () => {
    const { url, desk } = await desks.open({}, { queue: { maxQueue: 1 } });
    const calls = Array.from({ length: 8 }, () => post(`${url}/desk/narrow`, 200));
    const answers = await Promise.all(calls);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, headers, body } of refused) {
      expect([status, body.code, body.executed]).toEqual([429, "RESOURCE_EXHAUSTED", "no"]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    }
    expect(desk.running + refused.length).toBe(8);
  });
});

describe("what travels with a call", () => {
  test("deadline, trace, metadata and the peer's address", async () => {
    const { url } = await desks.open({ headers: ["Accept-Language"] });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const { body } = await post(`${url}/desk/context`, undefined, {
      timeout: "12.5s",
      traceparent,
      "X-Tenant": "acme",
      "accept-language": "de",
      other: "not passed",
    });
    expect(body).toMatchObject({ traceparent, peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
    expect(body.metadata).toEqual({ traceparent, "x-tenant": "acme", "accept-language": "de" });
    expect(body.timeLeftMs).toBeLessThanOrEqual(12_500);
    expect(body.timeLeftMs).toBeGreaterThan(7000);
  });

  test.each(["800", "800ms", "0.8s"])("timeout %s: 504, and the handler is told", async (timeout) => {
    const { url, desk } = await desks.open();
    const { status, body } = await post(`${url}/desk/wait`, 60_000, { timeout });
    expect([status, body.code]).toEqual([504, "DEADLINE_EXCEEDED"]);
    await expect.poll(() => desk.aborted.length).toBe(1);
  });

  test.each(["soon", "-1", "0", "1h", "1e9", "999999999"])("timeout %s is 400", async (timeout) => {
    const { url } = await desks.open();
    const { status, body } = await post(`${url}/desk/wait`, 1, { timeout });
    expect([status, body.message]).toEqual([400, expect.stringContaining("the header timeout is ")]);
  });

  test("credentials: each call's own, on one connection; without Bearer", async () => {
    const asked: unknown[] = [];
    const { port } = await desks.open(
      {},
      {
        authenticate: (given) => {
          asked.push(given);
          return given === "ada" || given === "Basic YTpi";
        },
      },
    );
    const peer = desks.raw(port);
    const statuses: string[] = [];
    for (const header of ["Bearer ada", "Bearer eve", "Basic YTpi", "", "bearer  ada"]) {
      const authorization = header === "" ? "" : `Authorization: ${header}\r\n`;
      peer.write(request("/desk/echo", "1", `content-type: application/json\r\n${authorization}`));
      await expect.poll(() => peer.text.match(/HTTP\/1\.1 \d+/g)?.length).toBe(statuses.length + 1);
      statuses.push(
        peer.text
          .match(/HTTP\/1\.1 (\d+)/g)
          ?.at(-1)
          ?.slice(-3) as string,
      );
    }
    expect(statuses).toEqual(["200", "401", "200", "401", "200"]);
    expect(peer.text).toMatch(/www-authenticate: Bearer/i);
    // Once each: refused ones are not tried behind one's back. (The first without any is the app that dials itself.)
    expect(asked).toEqual([undefined, "ada", "eve", "Basic YTpi", undefined]);
  });

  test("a peer that goes cancels its calls", async () => {
    const { port, desk } = await desks.open();
    const peer = desks.raw(port);
    peer.write(request("/desk/wait", "60000"));
    await expect.poll(() => desk.running).toBe(1);
    peer.socket.destroy();
    await expect.poll(() => desk.aborted.length).toBe(1);
    // Politely, with a FIN, and while another connection is served.
    const other = desks.raw(port);
    other.write(request("/desk/wait", "60000"));
    await expect.poll(() => desk.running).toBe(2);
    other.socket.end();
    await expect.poll(() => desk.aborted.length).toBe(2);
  });
});

describe("draining", () => {
  test("what runs is finished, what comes is refused with 503, idle connections end at once", async () => {
    const { app, port, desk } = await desks.open();
    const [slow, idle] = [desks.raw(port), desks.raw(port)];
    idle.write(request("/desk/echo", "1"));
    await idle.until("200 OK");
    slow.write(request("/desk/wait", "60000", "content-type: application/json\r\ntimeout: 30s\r\n"));
    await expect.poll(() => desk.running).toBe(1);
    const closed = app.close();
    await idle.ended;
    expect(desk.running).toBe(1);
    expect(slow.text).toBe("");
    const late = desks.raw(port);
    late.write(request("/desk/echo", "2"));
    const refused = await late.ended;
    expect(refused).toMatch(/HTTP\/1\.1 503 [\s\S]*"code":"UNAVAILABLE"/);
    expect(refused).toMatch(/retry-after: 1\r\n/i);
    expect(refused).toMatch(/connection: close\r\n/i);
    for (const end of desk.pauses) end();
    expect(await slow.ended).toMatch(/HTTP\/1\.1 200 [\s\S]*"waited"/);
    await closed;
  });
});
