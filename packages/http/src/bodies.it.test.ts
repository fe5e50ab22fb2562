import { request as httpRequest } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { post, request, useDesk } from "./test/bench.ts";

const desks = useDesk();

describe("bodies", () => {
  test("bad JSON is a 400 that says where", async () => {
    const { url } = await desks.open();
    expect(await post(`${url}/desk/getUser`, '{\n  "id": 42,\n  name: 1\n}')).toMatchObject({
      status: 400,
      body: {
        code: "INVALID_ARGUMENT",
        message: "the body is no JSON: a name in double quotes expected at line 3, column 3",
        details: { line: 3, column: 3, offset: 16 },
      },
    });
  });

  test.each([
    ["__proto__", '{"__proto__":{"admin":true}}', 'the key "__proto__" is refused'],
    ["__proto__ in disguise", '{"\\u005f_proto__":1}', 'the key "__proto__" is refused'],
    ["depth", `${"[".repeat(65)}${"]".repeat(65)}`, "the JSON is nested deeper than 64"],
    ["many values", `[${"1,".repeat(500_001)}1]`, "the JSON has more than 500000 values"],
  ])("%s is refused", async (_, body, message) => {
    const { url } = await desks.open();
    expect(await post(`${url}/desk/echo`, body)).toMatchObject({ status: 400, body: { message } });
  });

  test("bytes that are no UTF-8 are refused", async () => {
    const { port } = await desks.open();
    const peer = desks.raw(port);
    peer.write(request("/desk/echo", "1234").replace("1234", ""));
    peer.write(Buffer.from([0x22, 0xff, 0xfe, 0x22]));
    await peer.until(/400 Bad Request[\s\S]*the body is not UTF-8/);
  });

  test("what another origin's page could send unasked is 415: forms, plain text, no type at all", async () => {
    const { url, port } = await desks.open();
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
      expect((await post(`${url}/desk/echo`, "1", { "content-type": type })).status).toBe(415);
    const peer = desks.raw(port);
    peer.write(request("/desk/echo", "1", ""));
    await peer.until("415 Unsupported Media Type");
    expect((await post(`${url}/desk/echo`, "1", { "content-type": "application/vnd.x+json" })).status).toBe(
      200,
    );
  });

  test("a compression that is not known is 415 and says what is taken", async () => {
    const { url } = await desks.open();
    const answer = await post(`${url}/desk/echo`, "1", { "content-encoding": "br" });
    expect([answer.status, answer.headers.get("accept-encoding")]).toEqual([415, "gzip, identity"]);
  });

  describe("gzip", () => {
    const zipped = async (url: string, body: Uint8Array, lines = false): Promise<[number, any]> => {
      const type = lines ? "application/x-ndjson" : "application/json";
      const headers = { "content-type": type, "content-encoding": "gzip" };
      const answer = await fetch(url, { method: "POST", headers, body });
      return [answer.status, await answer.json()];
    };

    test("is taken, by its length without compression", async () => {
      const { url } = await desks.open({ limits: { maxBodyBytes: 10_000 } });
      const fits = "x".repeat(9998);
      expect(await zipped(`${url}/desk/echo`, gzipSync(JSON.stringify(fits)))).toEqual([200, fits]);
      const bomb = await zipped(`${url}/desk/echo`, gzipSync(JSON.stringify(`${fits}x`)));
      expect(bomb).toMatchObject([413, { message: "the body is longer than 10000 bytes" }]);
      const none = [400, { code: "INVALID_ARGUMENT", message: "the body is encoded as gzip, and is none" }];
      expect(await zipped(`${url}/desk/echo`, Buffer.from("17"))).toMatchObject(none);
      expect(await zipped(`${url}/desk/echo`, gzipSync("17").subarray(0, -3))).toMatchObject(none);
      const broken = await zipped(`${url}/desk/echo`, gzipSync("{17}"));
      expect(broken).toMatchObject([400, { message: expect.stringContaining("column 2") }]);
    });

    test("and in streams, a line at a time", async () => {
      const { url, desk } = await desks.open({ limits: { maxBodyBytes: 1000 } });
      const numbers = Array.from({ length: 5000 }, (_, n) => n);
      expect(await zipped(`${url}/desk/sum`, gzipSync(numbers.join("\n")), true)).toEqual([200, 12_497_500]);
      expect(desk.imported).toEqual(numbers);
      const line = await zipped(`${url}/desk/sum`, gzipSync(`1\n"${"x".repeat(100_000)}"`), true);
      expect(line).toMatchObject([413, { message: "line 2 of the body is longer than 1000 bytes" }]);
      expect(await zipped(`${url}/desk/sum`, Buffer.from("1\n2\n"), true)).toMatchObject([400, {}]);
      expect(await zipped(`${url}/desk/first`, gzipSync(numbers.join("\n")), true)).toEqual([200, 0]);
      expect((await post(`${url}/desk/echo`, 1)).status).toBe(200);
    });
  });

  test("a body that says it is too long is 413 before it comes, and is not invited", async () => {
    const { port } = await desks.open({ limits: { maxBodyBytes: 1000 } });
    const peer = desks.raw(port);
    const type = "content-type: application/json\r\n";
    peer.write(
      `POST /desk/echo HTTP/1.1\r\nHost: x\r\n${type}Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n`,
    );
    expect(await peer.ended).toMatch(/^HTTP\/1\.1 413 /);
    const fine = desks.raw(port);
    fine.write(
      `POST /desk/echo HTTP/1.1\r\nHost: x\r\n${type}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
    );
    await fine.until("100 Continue");
    fine.write("17");
    await fine.until(/200 OK[\s\S]*17\n/);
  });

  test("one that does not say is 413 as soon as it is", async () => {
    const { port } = await desks.open({ limits: { maxBodyBytes: 1000 } });
    const peer = desks.raw(port);
    peer.write("POST /desk/echo HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n");
    peer.write(`Transfer-Encoding: chunked\r\n\r\n3e8\r\n"${"x".repeat(999)}\r\n`);
    peer.write('1\r\n"\r\n');
    await peer.until("HTTP/1.1 413 ");
    await peer.ended;
  });

  test("the rest of one that was refused is dropped, and the connection goes on if it comes soon", async () => {
    const { port } = await desks.open({ limits: { maxBodyBytes: 1000 } });
    const peer = desks.raw(port);
    const rest = "x".repeat(500_000);
    peer.write("POST /desk/echo HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n");
    peer.write(`Transfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n`);
    await peer.until("HTTP/1.1 413 ");
    peer.write(`${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n${request("/desk/echo", "17")}`);
    await Promise.race([peer.until(/200 OK[\s\S]*17\n/), peer.ended]);
    expect(peer.text).toMatch(/200 OK[\s\S]*17\n/);
  });

  test("one that drips is 408 in time; a head that drips is cut", async () => {
    const { port } = await desks.open({ limits: { requestMs: 200 } });
    const [body, head] = [desks.raw(port), desks.raw(port)];
    body.write(
      "POST /desk/echo HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\nContent-Length: 100\r\n\r\n",
    );
    head.write("POST /desk/echo HTTP/1.1\r\n");
    const drip = setInterval(() => {
      body.write("1");
      head.write("X");
    }, 30);
    expect(await body.ended).toMatch(/^HTTP\/1\.1 408 /);
    expect(await head.ended).toBe("");
    clearInterval(drip);
  });

  test("a peer that goes in the middle of its body calls nothing", async () => {
    const { url, port, desk } = await desks.open();
    const peer = desks.raw(port);
    peer.write(request("/desk/wait", "1000").slice(0, -2));
    await post(`${url}/desk/echo`, 1);
    peer.socket.destroy();
    await post(`${url}/desk/echo`, 1);
    expect(desk.running).toBe(0);
  });
});

/** Without undici's own decompression. */
function plain(
  url: string,
  headers: Record<string, string>,
): Promise<{ headers: Record<string, unknown>; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers }, async (message) => {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      resolve({ headers: message.headers, bytes: Buffer.concat(chunks) });
    })
      .on("error", reject)
      .end();
  });
}

describe("compression", () => {
  test("above 1 KB, for who asks", async () => {
    const { url } = await desks.open();
    const long = `${url}/desk/long?input=2000`;
    for (const asked of ["gzip", "br, gzip", "deflate, gzip;q=0.5, *;q=0.1", "x-gzip"]) {
      const { headers, bytes } = await plain(long, { "accept-encoding": asked });
      expect(headers).toMatchObject({ "content-encoding": "gzip", vary: "accept-encoding" });
      expect(JSON.parse(gunzipSync(bytes).toString())).toBe("x".repeat(2000));
    }
    for (const asked of ["", "br", "gzip;q=0", "gzip; q=0.0, br", "notgzip"]) {
      const { headers, bytes } = await plain(long, { "accept-encoding": asked });
      expect([asked, headers["content-encoding"], headers.vary]).toEqual([
        asked,
        undefined,
        "accept-encoding",
      ]);
      expect(bytes.length).toBe(2003);
    }
    const short = await plain(`${url}/desk/long?input=100`, { "accept-encoding": "gzip" });
    expect(short.headers["content-encoding"]).toBe(undefined);
  });
});

describe("pages of other origins", () => {
  const cors = { origins: ["https://app.example"] };

  test("are answered when they are named: preflight, call, error", async () => {
    const { url } = await desks.open({ cors });
    const origin = "https://app.example";
    const asked = await fetch(`${url}/desk/getUser`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-tenant,cookie2",
      },
    });
    expect([asked.status, Object.fromEntries(asked.headers)]).toMatchObject([
      204,
      {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "content-type, x-tenant",
        "access-control-max-age": "600",
        vary: "origin",
      },
    ]);
    for (const id of ["42", "7"]) {
      const answer = await post(`${url}/desk/getUser`, { id }, { origin });
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      expect(answer.headers.get("vary")).toBe("origin");
    }
    const items = await fetch(`${url}/desk/count?input=1`, { headers: { origin } });
    expect(items.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test("are refused when they are not, and call nothing", async () => {
    for (const option of [{}, { cors }]) {
      const { url, desk } = await desks.open(option);
      for (const origin of ["https://evil.example", "null", "https://app.example.evil"]) {
        const answer = await post(`${url}/desk/wait`, 1, { origin });
        expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([403, null]);
      }
      expect(desk.running).toBe(0);
      expect((await post(`${url}/desk/wait`, 1, { origin: url })).status).toBe(200);
    }
  });

  test("cannot call by an image or a link either", async () => {
    const { port } = await desks.open({ cors });
    const peer = desks.raw(port);
    const ask = (site: string) =>
      peer.write(`GET /desk/odd HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: ${site}\r\n\r\n`);
    ask("cross-site");
    await peer.until(/403 Forbidden[\s\S]*may not call without saying so/);
    ask("none");
    await peer.until("200 OK");
  });

  test("all of them with *", async () => {
    const { url } = await desks.open({ cors: { origins: ["*"] } });
    const answer = await post(`${url}/desk/echo`, 1, { origin: "null" });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  });
});

test("the query is for GET", async () => {
  const { url } = await desks.open();
  expect((await post(`${url}/desk/echo?input=1`)).body).toBe(null);
});

test("health is answered by the same door", async () => {
  const { url } = await desks.open();
  const ready = await fetch(`${url}/health/ready`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { status: "ready" }]);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
});
