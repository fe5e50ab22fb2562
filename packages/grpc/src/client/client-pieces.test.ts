import { fileURLToPath } from "node:url";
import type { Instance } from "@skein/core";
import { RpcError } from "@skein/core";
import { describe, expect, test } from "vitest";
import { addMetadata } from "../headers.ts";
import { readOutcome, writeOutcome } from "../outcome.ts";
import { loadProto } from "../protos.ts";
import { statusTrailers } from "../status.ts";
import { formatTimeout, parseTimeout } from "../timeout.ts";
import { ProtoWriter } from "../wire.ts";
import type { GrpcStatus } from "./dialect.ts";
import { jsonDialect } from "./json-dialect.ts";
import { peerAddress } from "./peer-address.ts";
import { protoDialect } from "./proto-dialect.ts";
import { grpcProtocol } from "./protocol.ts";
import { readStatus, statusError } from "./status-error.ts";

test.each([
  [0.2, "1m"],
  [1499.3, "1500m"],
  [99_999_999, "99999999m"],
  [100_000_000, "100000S"],
  [Number.POSITIVE_INFINITY, undefined],
  [1e15, undefined],
])("%s ms left are grpc-timeout %s", (ms, text) => {
  expect(formatTimeout(ms)).toBe(text);
  if (text !== undefined) expect(parseTimeout(text)).toBeGreaterThanOrEqual(ms);
});

test("metadata never takes the place of the protocol's headers", () => {
  const headers: Record<string, string> = { te: "trailers", ":path": "/a" };
  addMetadata(headers, {
    TE: "x",
    ":path": "/b",
    "Grpc-Timeout": "1n",
    "content-type": "x",
    A: "1",
    "b-bin": "AA",
  });
  expect(headers).toEqual({ te: "trailers", ":path": "/a", a: "1", "b-bin": "AA" });
});

describe("what our door says besides gRPC's status", () => {
  test.each([
    ["no", "elsewhere"],
    ["no", 250],
    ["maybe", "none"],
    ["yes", "none"],
  ] as const)("%s, %s", (executed, retry) => {
    const error = new RpcError("UNAVAILABLE", "x", { executed, retry });
    expect(readOutcome(writeOutcome(error))).toEqual({ executed, retry });
  });
  test.each([undefined, "", "no", "no, never", "perhaps, none", "no, 1.5", "no, 12345678901"])(
    "%j is none",
    (text) => expect(readOutcome(text)).toBe(undefined),
  );

  test("an error comes back as it was", () => {
    const error = new RpcError("RESOURCE_EXHAUSTED", "zu viel: 100 % ü", {
      executed: "no",
      retry: 250,
      type: "TOO_MUCH",
      details: { most: [1, null, "x"] },
      id: "log-7",
    });
    const { code, message, executed, retry, type, details, id } = statusError(
      readStatus(statusTrailers(error) as Record<string, string>) as GrpcStatus,
    );
    expect({ code, message, executed, retry, type, details, id }).toEqual({
      code: "RESOURCE_EXHAUSTED",
      message: "zu viel: 100 % ü",
      executed: "no",
      retry: 250,
      type: "TOO_MUCH",
      details: { most: [1, null, "x"] },
      id: "log-7",
    });
  });

  test("what another server hands on of one of ours is not taken for this hop's", () => {
    const { "skein-outcome": _, ...others } = statusTrailers(
      new RpcError("UNAVAILABLE", "x", { executed: "no", retry: "elsewhere" }),
    );
    const handed = statusError(readStatus(others as Record<string, string>) as GrpcStatus);
    expect(handed).toMatchObject({ code: "UNAVAILABLE", executed: "yes", retry: "none" });
  });
});

describe("google.rpc.Status of other servers", () => {
  const any = (type: string, message: ProtoWriter) =>
    new ProtoWriter().bytes(1, `type.googleapis.com/${type}`).bytes(2, message.finish()).finish();
  const read = (bytes: Buffer | string) =>
    statusError({
      code: "ABORTED",
      message: "",
      trailers: { "grpc-status-details-bin": typeof bytes === "string" ? bytes : bytes.toString("base64") },
    });

  test("details as protobuf's JSON has them; of types that are not known, the bytes", () => {
    const status = new ProtoWriter()
      .number(1, 10)
      .bytes(3, any("google.rpc.DebugInfo", new ProtoWriter().bytes(1, "a").bytes(1, "b").bytes(2, "c")))
      .bytes(
        3,
        any(
          "google.rpc.Help",
          new ProtoWriter().bytes(1, new ProtoWriter().bytes(1, "d").bytes(2, "u").finish()),
        ),
      )
      .bytes(3, any("acme.Own", new ProtoWriter().bytes(1, "x")));
    expect(read(status.finish())).toMatchObject({
      message: "aborted",
      type: undefined,
      details: [
        { "@type": "type.googleapis.com/google.rpc.DebugInfo", stackEntries: ["a", "b"], detail: "c" },
        { "@type": "type.googleapis.com/google.rpc.Help", links: [{ description: "d", url: "u" }] },
        { "@type": "type.googleapis.com/acme.Own", value: "CgF4" },
      ],
    });
  });

  test("garbage costs the details, not the outcome; __proto__ pollutes nothing", () => {
    for (const text of ["", "!!!", "////", "GgP/", Buffer.from([0x1a, 5, 1]).toString("base64")])
      expect(read(text)).toMatchObject({ code: "ABORTED", executed: "yes", details: undefined });
    const entry = new ProtoWriter().bytes(1, "__proto__").bytes(2, "x").finish();
    const info = any("google.rpc.ErrorInfo", new ProtoWriter().bytes(3, entry));
    const { details } = read(new ProtoWriter().bytes(3, info).finish());
    expect(Object.getPrototypeOf((details as { metadata: object }[])[0]?.metadata)).toBe(Object.prototype);
  });
});

test("addresses", () => {
  expect(peerAddress("10.0.0.1:80")).toMatchObject({ host: "10.0.0.1", port: 80, secure: false });
  expect(peerAddress("tcp://[::1]:80")).toMatchObject({ host: "::1", port: 80, authority: "[::1]:80" });
  expect(peerAddress("http://a:80/")).toMatchObject({ host: "a", secure: false, authority: "a:80" });
  for (const scheme of ["grpcs", "https", "tls"])
    expect(peerAddress(`${scheme}://a:443`)).toMatchObject({ host: "a", secure: true });
  expect(peerAddress("unix:/run/x.sock")).toMatchObject({ path: "/run/x.sock", authority: "localhost" });
});

describe("names and kinds", () => {
  test("of a service without a .proto: by our door's rule, or as told", () => {
    const plain = jsonDialect("order-item");
    expect(plain.method("addOne").path).toBe("/order_item.OrderItem/AddOne");
    expect(plain.endpoint("addOne")).toMatchObject({ kind: "unary", idempotent: false });
    const told = jsonDialect("user", {
      name: "acme.v1.UserService",
      kinds: { watch: "server-stream" },
      idempotent: ["getUser"],
    });
    expect(told.method("getUser").path).toBe("/acme.v1.UserService/GetUser");
    expect(told.endpoint("getUser")).toMatchObject({ kind: "unary", idempotent: true });
    expect(told.endpoint("watch")).toMatchObject({ kind: "server-stream", idempotent: false });
    expect(told.endpoint("toString").kind).toBe("unary");
  });

  test("of one with a .proto: its own", () => {
    const file = fileURLToPath(new URL("../../../integration/go/grpc/yard.proto", import.meta.url));
    const yard = protoDialect(loadProto({ service: "yard", file }, "a test"));
    expect(yard.endpoint("whoAreYou")).toMatchObject({ kind: "unary", idempotent: true });
    expect(yard.endpoint("hold")).toMatchObject({ kind: "unary", idempotent: false });
    expect(["count", "sum", "Echo"].map((name) => yard.endpoint(name).kind)).toEqual([
      "server-stream",
      "client-stream",
      "bidi-stream",
    ]);
    expect(yard.method("whoAreYou").path).toBe("/acme.yard.v1.YardService/WhoAreYou");
    expect(() => yard.method("cuont")).toThrow(
      "acme.yard.v1.YardService has no method for cuont; did you mean Yard.Count or ",
    );
  });
});

test("records that say gRPC, and neither ours nor Go Micro's", () => {
  const instance = (protocol: string, metadata = {}) =>
    ({ addresses: [{ protocol, url: "tcp://a:1" }], metadata }) as unknown as Instance;
  const { speaks } = grpcProtocol();
  expect(speaks?.(instance("grpc"))).toBe(true);
  expect(speaks?.(instance("http"))).toBe(false);
  expect(speaks?.(instance("grpc", { protocol: "grpc" }))).toBe(false);
});
