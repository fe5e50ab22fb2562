import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, nodeRuntime } from "@skein/conformance/node";
import { silentLogger } from "@skein/core";
import { nkeys } from "nats";
import { afterEach, describe, expect, test } from "vitest";
import { createTransport } from "./index.ts";
import { NatsServer, natsBinary } from "./test/nats-server.ts";

/** Listens and dials itself. */
async function meets(url: string, timeoutMs = 5000): Promise<void> {
  const transport = createTransport(url, { runtime: nodeRuntime, logger: silentLogger });
  const listener = await transport.listen("nats://", (accepted) => accepted.open(ignore));
  const connection = await transport.dial(listener.address, { timeoutMs });
  connection.open(ignore);
  connection.close();
  await listener.close();
}
const ignore = { frame: () => {}, chunkEnd: () => {}, closed: () => {} };

const messageOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => new Error("it went well"),
    (e: Error) => e,
  );
  return error.message;
};

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  const servers: NatsServer[] = [];
  const start = async (flags: readonly string[], config = ""): Promise<NatsServer> => {
    const server = await NatsServer.start(flags, config);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  test("user and password; the wrong one is said at once, and not shown", async () => {
    const { port } = await start(["--user", "ann", "--pass", "s3cret"]);
    await meets(`nats://ann:s3cret@127.0.0.1:${port}`);
    const began = performance.now();
    const message = await messageOf(meets(`nats://ann:hunter2@127.0.0.1:${port}`));
    expect(message).toContain("refuses our credentials");
    expect(message).not.toContain("hunter2");
    expect(performance.now() - began).toBeLessThan(4500);
  });

  test("a token", async () => {
    const { port } = await start(["--auth", "s3cret"]);
    await meets(`nats://s3cret@127.0.0.1:${port}`);
    expect(await messageOf(meets(`nats://127.0.0.1:${port}`))).toContain("refuses our credentials");
  });

  test("an nkey", async () => {
    const user = nkeys.createUser();
    const { port, directory } = await start(
      [],
      `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    );
    const file = join(directory, "user.nk");
    writeFileSync(file, `${Buffer.from(user.getSeed()).toString()}\n`);
    await meets(`nats://127.0.0.1:${port}?nkey=${file}`);
    expect(await messageOf(meets(`nats://127.0.0.1:${port}`))).toContain("refuses our credentials");
  });

  test("TLS by an authority of one's own; without it the server is not trusted", async () => {
    const first = await start([]);
    const [cert, key] = ["cert.pem", "key.pem"].map((name) => join(first.directory, name)) as [
      string,
      string,
    ];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test"],
        ...["-addext", "subjectAltName=IP:127.0.0.1"],
      ],
      { stdio: "ignore" },
    );
    const { port } = await start(["--tls", "--tlscert", cert, "--tlskey", key]);
    await meets(`tls://127.0.0.1:${port}?ca=${cert}`);
    const transport = createTransport(`tls://127.0.0.1:${port}`, {
      runtime: nodeRuntime,
      logger: silentLogger,
    });
    const refusal = (): Promise<string> => messageOf(transport.dial("nats://a", { timeoutMs: 500 }));
    await expect.poll(refusal, { timeout: 10_000 }).toContain("certificate");
    const plain = createTransport(`tls://127.0.0.1:${first.port}`, {
      runtime: nodeRuntime,
      logger: silentLogger,
    });
    expect(await messageOf(plain.dial("nats://a", { timeoutMs: 500 }))).toContain("no connection to tls://");
  });

  test("several servers: one that is dead is passed over", async () => {
    const { port } = await start([]);
    for (let i = 0; i < 4; i++) await meets(`nats://127.0.0.1:${await freePort()},127.0.0.1:${port}`);
  });

  test("a subject that the server does not permit: listen() says so", async () => {
    const { port } = await start(
      [],
      `authorization { users: [ { user: a, password: b, permissions: { subscribe: ["skein.inbox.>"] } } ] }`,
    );
    const url = `nats://a:b@127.0.0.1:${port}`;
    expect(await messageOf(meets(url))).toMatch(/nats:\/\/skein\.at\..*ermission/);
  });

  test("of forged names none reaches the wire", async () => {
    const server = await start(["-DV"]);
    const transport = createTransport(server.url, { runtime: nodeRuntime, logger: silentLogger });
    const forged = ["x 0\r\n\r\nPUB evil 2\r\nhi\r\nPUB y", "evil space", "evil.*", "evil.>"];
    for (const name of forged) {
      await expect(transport.dial(`nats://${name}`, { timeoutMs: 500 })).rejects.toThrow("is no address");
      await expect(transport.listen(`nats://${name}`, () => {})).rejects.toThrow("is no address");
    }
    await meets(server.url);
    expect(server.output).toContain("skein.at.");
    expect(server.output).not.toContain("evil");
  });
});
