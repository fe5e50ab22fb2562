import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { CODES, type Code, type RpcError } from "../errors/rpc-error.ts";
import { silentLogger } from "../runtime.ts";
import { createServer } from "../server/server.ts";
import { createClientSession } from "../session/client-session.ts";
import { define, RecordedCall } from "../session/test/session-pair.ts";
import { createFakeRuntime, settle } from "../testing/fake-clock.ts";
import { plainJsonCodec } from "../testing/json-codec.ts";
import { createLink } from "../testing/link.ts";
import { encodeTimeLeft, Frame, kindWord, writeHeader } from "./frame.ts";
import { decodeMetadata, encodeMetadata, payloadStart } from "./metadata.ts";
import { codeNumber, codeOf, decodeExecuted, decodeRetry, encodeOutcome } from "./outcome.ts";

/** docs/protocol.md is the one place where the vectors are written down. */
const page = readFileSync(resolve(import.meta.dirname, "../../../../docs/protocol.md"), "utf8");
interface Vector {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
}
function vectors(kind: string): Vector[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\``, "gm"))].flatMap((block) =>
    (block[1] as string)
      .trim()
      .split(/\n\n/)
      .map((text) => {
        const [name = "", ...lines] = text.split("\n");
        return { name, fields: Object.fromEntries(lines.map((line) => line.trim().split(/:\s+(.*)/s, 2))) };
      }),
  );
}
const unhex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (h) => Number.parseInt(h, 16));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("frames", () => {
  test.each(vectors("frame").map((v) => [v.name, v] as const))("%s", (_, { fields }) => {
    const bytes = unhex(fields.bytes as string);
    const says = JSON.parse(fields.says as string) as Record<string, unknown>;
    const frame = new Frame();
    frame.read(bytes, 0, bytes.length);
    const start = payloadStart(frame);
    const text = new TextDecoder().decode(bytes.subarray(start));
    const seen: Record<string, unknown> = {
      type: frame.type,
      flags: frame.flags,
      stream: frame.stream,
      method: frame.method,
      last: frame.last,
    };
    if (start > 16) seen.metadata = { ...decodeMetadata(bytes.slice(16, start), frame.flags) };
    if (text !== "") seen.payload = JSON.parse(text);
    expect(seen).toEqual(says);
    // and the other way round
    const metadata =
      says.metadata === undefined ? undefined : encodeMetadata(says.metadata as Record<string, string>);
    const body = Buffer.concat([metadata?.bytes ?? new Uint8Array(0), Buffer.from(text)]);
    const out = new Uint8Array(16 + body.length);
    writeHeader(
      new DataView(out.buffer),
      0,
      out.length,
      frame.stream,
      kindWord(frame.type, frame.flags, frame.method),
      frame.last,
    );
    out.set(body, 16);
    expect(hex(out)).toBe(hex(bytes));
  });
});

describe("errors", () => {
  test("every code has its vector", () =>
    expect(new Set(vectors("error").map((v) => v.fields.code))).toEqual(new Set(CODES.slice(1))));
  test.each(vectors("error").map((v) => [v.name, v] as const))("%s", (_, { fields }) => {
    const bytes = unhex(fields.bytes as string);
    const frame = new Frame();
    frame.read(bytes, 0, bytes.length);
    const retry = decodeRetry(frame.last);
    expect({
      code: codeOf(frame.method),
      executed: decodeExecuted(frame.last),
      retry: String(retry),
    }).toEqual({ code: fields.code, executed: fields.executed, retry: fields.retry });
    expect(encodeOutcome(fields.executed as "no", retry)).toBe(frame.last);
    expect(codeNumber(fields.code as Code)).toBe(frame.method);
  });
});

test("time left on the wire", () => {
  expect([Number.POSITIVE_INFINITY, 0.2, 1, 1.5, 5000, 1e12].map(encodeTimeLeft)).toEqual([
    0, 1, 1, 2, 5000, 0xffffffff,
  ]);
});

/** A conversation: lines `client: hex` and `server: hex`, checked against what our own ends send. */
test.each(vectors("conversation").map((v) => [v.name, v] as const))(
  "conversation: %s",
  async (_, { fields }) => {
    const runtime = createFakeRuntime();
    const link = createLink({ runtime, automatic: false });
    const server = createServer({ runtime, logger: silentLogger, codecs: [plainJsonCodec] });
    server.add(
      define("user", {
        getUser: {
          idempotent: true,
          timeoutMs: 2000,
          handler: (input) => ({ ...(input as object), name: "Ada" }),
        },
      }),
      "7f3c",
    );
    server.accept(link.server);
    const sent: string[] = [];
    tap(link.client, "client", sent);
    tap(link.server, "server", sent);
    const session = createClientSession({
      runtime,
      connection: link.client,
      codecs: [plainJsonCodec],
      service: "user",
      instance: "7f3c",
      events: { ready() {}, suspect() {}, draining() {}, closed() {} },
    });
    link.deliverAll();
    const call = new RecordedCall(
      session.endpoints.get("getUser") as never,
      { id: "42" },
      { expiresAt: 5000, metadata: { tenant: "acme" } },
    );
    session.start(call);
    link.deliverAll();
    await settle();
    link.deliverAll();
    expect(call.value).toEqual({ id: "42", name: "Ada" });
    void server.drain();
    link.deliverAll();
    await settle();
    expect(sent.join("\n")).toBe(
      Object.keys(fields)
        .map((key) => `${key.split(" ")[0]} ${hex(unhex(fields[key] as string))}`)
        .join("\n"),
    );
  },
);

function tap(
  connection: {
    commit(): boolean;
    commitWith(tail: Uint8Array): boolean;
    reserve(n: number): { bytes: Uint8Array; position: number };
  },
  who: string,
  into: string[],
): void {
  const { commit, commitWith, reserve } = connection;
  let writer: ReturnType<typeof reserve>;
  connection.reserve = (n) => {
    writer = reserve.call(connection, n);
    return writer;
  };
  const note = (tail: Uint8Array): void => {
    into.push(`${who} ${hex(writer.bytes.subarray(0, writer.position))}${hex(tail)}`);
  };
  connection.commit = () => {
    note(new Uint8Array(0));
    return commit.call(connection);
  };
  connection.commitWith = (tail) => {
    note(tail);
    return commitWith.call(connection, tail);
  };
}

/** What a peer must not send: `to server` or `to client`, frames separated by `|`; the exact complaint. */
describe("invalid", () => {
  test.each(vectors("invalid").map((v) => [v.name, v] as const))("%s", async (_, { fields }) => {
    const frames = (fields["to server"] ?? fields["to client"] ?? "").split("|").map(unhex);
    expect(await (fields["to server"] === undefined ? toClient(frames) : toServer(frames))).toBe(
      fields.error,
    );
  });
});

const HELLO_OF_CLIENT =
  '{"service":"user","codecs":["application/json"],"maxMessageBytes":1000,"streamWindowBytes":100}';
const HELLO_OF_SERVER =
  '{"service":"user","version":"1.0.0","instance":"7f3c","codec":"application/json","maxMessageBytes":1000,"maxCalls":10,"streamWindowBytes":100,"endpoints":[{"id":0,"name":"get","kind":"unary","idempotent":false,"priority":"normal"},{"id":1,"name":"watch","kind":"server-stream","idempotent":false,"priority":"normal"}]}';
function hello(text: string): Uint8Array {
  const body = Buffer.from(text);
  const out = new Uint8Array(16 + body.length);
  writeHeader(new DataView(out.buffer), 0, out.length, 0, kindWord(1, 0, 0), 0x00010001);
  out.set(body, 16);
  return out;
}

async function toServer(frames: readonly Uint8Array[]): Promise<string> {
  const runtime = createFakeRuntime();
  const link = createLink({ runtime, automatic: false });
  let complaint = "accepted";
  const logger = {
    ...silentLogger,
    warn: (_: object, message: string) => {
      complaint = message.replace("closing a connection: ", "");
    },
  };
  const server = createServer({
    runtime,
    logger,
    codecs: [plainJsonCodec],
    limits: { maxMessageBytes: 1000, streamWindowBytes: 100 },
  });
  const never = (): Promise<never> => new Promise(() => {});
  server.add(define("user", { get: never, upload: { kind: "client-stream", handler: never } }), "7f3c");
  server.accept(link.server);
  let goodbye = "";
  link.client.open({
    frame(bytes) {
      if (bytes[8] === 11)
        goodbye = (JSON.parse(new TextDecoder().decode(bytes.subarray(16))) as { message: string }).message;
    },
    chunkEnd() {},
    closed() {},
  });
  for (const frame of frames[0]?.[8] === 1 ? frames : [hello(HELLO_OF_CLIENT), ...frames]) {
    send(link.client, frame);
    link.deliverAll();
    await settle();
  }
  server.close();
  return complaint === "accepted" && goodbye !== "" ? goodbye : complaint;
}

async function toClient(frames: readonly Uint8Array[]): Promise<string> {
  const runtime = createFakeRuntime();
  const link = createLink({ runtime, automatic: false });
  let closed: RpcError | undefined;
  const session = createClientSession({
    runtime,
    connection: link.client,
    codecs: [plainJsonCodec],
    service: "user",
    instance: undefined,
    limits: { maxMessageBytes: 1000, streamWindowBytes: 100 },
    events: { ready() {}, suspect() {}, draining() {}, closed: (error) => (closed = error) },
  });
  link.server.open({ frame() {}, chunkEnd() {}, closed() {} });
  link.deliverAll();
  const first = frames[0]?.[8];
  for (const frame of first === 1 || first === 11 ? frames : [hello(HELLO_OF_SERVER), ...frames]) {
    send(link.server, frame);
    link.deliverAll();
    await settle();
    if (session.state === "open" && session.pending === 0)
      for (const name of ["get", "watch"])
        session.start(new RecordedCall(session.endpoints.get(name) as never, null));
  }
  const text = closed?.message ?? "accepted";
  session.close();
  return text;
}

function send(
  connection: { reserve(n: number): { bytes: Uint8Array; position: number }; commit(): boolean },
  frame: Uint8Array,
): void {
  const w = connection.reserve(frame.length);
  w.bytes.set(frame, w.position);
  w.position += frame.length;
  connection.commit();
}
