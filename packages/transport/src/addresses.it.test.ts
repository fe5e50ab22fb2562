import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseAddress } from "./address.ts";
import { createTcpTransport } from "./tcp.ts";
import { certificates } from "./test/certificates.ts";
import { Log, listening, plainServer, refusal } from "./test/raw.ts";
import { testRuntime } from "./test/runtime.ts";
import type { TlsSettings } from "./tls.ts";

const runtime = testRuntime();
const tcp = createTcpTransport({ runtime });
const folder = mkdtempSync(join(tmpdir(), "skein-transport-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const DIAL = { timeoutMs: 5000 };

describe("addresses", () => {
  test.each([
    ["tcp://127.0.0.1:80", { kind: "tcp", host: "127.0.0.1", port: 80 }],
    ["localhost:0", { kind: "tcp", host: "localhost", port: 0 }],
    ["tcp://[::1]:80", { kind: "tcp", host: "::1", port: 80 }],
    ["unix:/run/a.sock", { kind: "unix", path: "/run/a.sock" }],
    ["unix:///run/a.sock", { kind: "unix", path: "/run/a.sock" }],
  ])("%s", (address, expected) => {
    expect(parseAddress(address)).toEqual(expected);
  });
  test.each([
    "",
    "tcp://",
    "tcp://a",
    "tcp://a:65536",
    "tcp://a:-1",
    "tcp://::1:80",
    "http://a:80",
    "unix:a",
    "tcp://a:80/x",
  ])("%s is refused", async (address) => {
    expect(() => parseAddress(address)).toThrow(`${address} is no address`);
    await expect(tcp.dial(address, DIAL)).rejects.toThrow("is no address");
    await expect(tcp.listen(address, () => {})).rejects.toThrow("is no address");
  });
});

test("the errors of dialling and listening name the address and keep code and cause", async () => {
  const refused = await refusal(tcp.dial("tcp://127.0.0.1:1", DIAL));
  expect(refused.message).toBe("tcp://127.0.0.1:1 refused the connection: nothing listens there");
  expect([refused.code, (refused.cause as Error).message]).toEqual([
    "ECONNREFUSED",
    "connect ECONNREFUSED 127.0.0.1:1",
  ]);
  const none = await refusal(tcp.dial(`unix:${folder}/none`, DIAL));
  expect([none.message, none.code]).toEqual([`unix:${folder}/none does not exist`, "ENOENT"]);
  const unknown = await refusal(tcp.dial("tcp://no-such-host.invalid:80", DIAL));
  expect(unknown.message).toContain("tcp://no-such-host.invalid:80 has a host that cannot be resolved");
  const elsewhere = await refusal(tcp.listen("tcp://192.0.2.1:0", () => {}));
  expect([elsewhere.message, elsewhere.code]).toEqual([
    "tcp://192.0.2.1:0 is no address of this machine",
    "EADDRNOTAVAIL",
  ]);
  await using it = await listening(tcp);
  const used = await refusal(tcp.listen(it.listener.address, () => {}));
  expect([used.message, used.code]).toEqual([
    `${it.listener.address} is in use: choose another, or end what listens there`,
    "EADDRINUSE",
  ]);
});

test("IPv6, where there is some", async ({ skip }) => {
  const listener = await tcp
    .listen("tcp://[::1]:0", (connection) => connection.open(new Log()))
    .catch(() => undefined);
  if (listener === undefined) return skip("no IPv6 here");
  expect(listener.address).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
  const connection = await tcp.dial(listener.address, DIAL);
  connection.destroy();
  await listener.close();
});

describe("Unix sockets", () => {
  test("one that a killed process left behind is taken over", async () => {
    const path = join(folder, "stale");
    const dead = createServer();
    dead.listen(`${path}-before`);
    await once(dead, "listening");
    // Node removes the file it made; under another name it stays, as after kill -9.
    renameSync(`${path}-before`, path);
    dead.close();
    await once(dead, "close");
    expect(existsSync(path)).toBe(true);
    await using it = await listening(tcp, {}, `unix:${path}`);
    const connection = await tcp.dial(it.listener.address, DIAL);
    connection.close();
  });
  test("one that is answered is in use; a file that is no socket stays", async () => {
    const address = `unix:${join(folder, "live")}`;
    await using it = await listening(tcp, {}, address);
    expect((await refusal(tcp.listen(address, () => {}))).message).toContain(`${address} is in use`);
    const connection = await tcp.dial(it.listener.address, DIAL);
    connection.close();
    const file = join(folder, "file");
    writeFileSync(file, "precious");
    expect((await refusal(tcp.listen(`unix:${file}`, () => {}))).message).toContain("is in use");
    expect(readFileSync(file, "utf8")).toBe("precious");
  });
});

describe("TLS", () => {
  const withTls = (tls: TlsSettings) => createTcpTransport({ runtime, tls });
  /** What the dialling side is told: at once, or, TLS 1.3 being what it is, after it has connected. */
  async function told(server: TlsSettings | undefined, client: TlsSettings | undefined): Promise<string> {
    const there = server === undefined ? tcp : withTls(server);
    const here = client === undefined ? tcp : withTls(client);
    await using it = await listening(there);
    const connection = await here.dial(it.listener.address, DIAL).catch((error: Error) => error);
    if (connection instanceof Error) return connection.message;
    const log = new Log();
    connection.open(log);
    const welcome = it.accepted().then(() => "accepted");
    const outcome = await Promise.race([log.ended.then((error) => error?.message ?? "closed"), welcome]);
    connection.destroy();
    return outcome;
  }
  test.each<[string, TlsSettings | undefined, TlsSettings | undefined, RegExp]>([
    ["both as they should be", certificates.server, certificates.anonymous, /^accepted$/],
    ["both show certificates", certificates.mutual, certificates.client, /^accepted$/],
    [
      "an authority that is not trusted",
      certificates.stranger,
      certificates.anonymous,
      /^tcp:.*(verify|self-signed|issuer)/,
    ],
    [
      "a certificate for another host",
      certificates.elsewhere,
      certificates.anonymous,
      /^tcp:.*does not match/,
    ],
    [
      "a client without a certificate",
      certificates.mutual,
      certificates.anonymous,
      /certificate required|reset|refuses our certificate/,
    ],
    [
      "a client with a stranger's",
      certificates.mutual,
      certificates.impostor,
      /unknown ca|reset|refuses our certificate/,
    ],
    [
      "plain to TLS",
      certificates.server,
      undefined,
      /does not speak the session protocol|reset|closed the connection unasked/,
    ],
    [
      "TLS to plain",
      undefined,
      certificates.anonymous,
      /^tcp:.*(does not speak TLS|reset|closed the connection)/,
    ],
  ])("%s", async (_what, server, client, outcome) => {
    expect(await told(server, client)).toMatch(outcome);
  });
  test("the name to be shown can be given", async () => {
    expect(
      await told(certificates.elsewhere, { ...certificates.anonymous, servername: "elsewhere.example" }),
    ).toBe("accepted");
  });
  test("listening takes a certificate and its key", async () => {
    await expect(withTls(certificates.anonymous).listen("tcp://127.0.0.1:0", () => {})).rejects.toThrow(
      "listening with TLS takes both cert and key",
    );
  });
  test("nothing below TLS 1.3", async () => {
    await using it = await listening(withTls(certificates.server));
    const { connect } = await import("node:tls");
    const { port } = parseAddress(it.listener.address) as { port: number };
    const socket = connect({ port, host: "127.0.0.1", ca: certificates.server.ca, maxVersion: "TLSv1.2" });
    const [error] = (await once(socket, "error")) as [Error];
    expect(error.message).toMatch(/protocol version/);
  });
});

test("a server that takes the connection and closes it at once", async () => {
  await using rude = await plainServer((socket) => socket.destroy());
  const error = await refusal(
    createTcpTransport({ runtime, tls: certificates.anonymous }).dial(rude.address, DIAL),
  );
  expect(error.message).toContain(rude.address);
});
