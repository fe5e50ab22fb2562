import { RpcError } from "skein";
import { expect, test } from "vitest";
import { endpoint, harness, instance } from "../../test/harness.ts";

const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: { id: { type: "string" } },
  required: ["id"],
};

function userShop() {
  const made = harness();
  made.backplane.instances = [
    instance("user", 4001),
    instance("user", 4002, { status: "draining", zone: "b", startedAt: "2026-11-01T11:00:00Z" }),
  ];
  made.backplane.endpoints = [
    endpoint("getUser", {
      timeoutMs: 500,
      input: SCHEMA,
      output: { vendor: "valibot" },
      errors: ["USER_GONE"],
    }),
    endpoint("watchUsers", { kind: "server-stream", idempotent: false, priority: "critical" }),
  ];
  return made;
}

test("instances, endpoints, schemas", async () => {
  const { stdout, backplane, run } = userShop();
  expect(await run("describe", "user")).toBe(0);
  expect(stdout.text).toBe(
    `user  2 instances in local:/run/skein
ADDRESS               VERSION  STATUS    AGE  ZONE  ID
tcp://127.0.0.1:4001  1.0.0    serving    3m  -     user-4001
tcp://127.0.0.1:4002  1.0.0    draining   1h  b     user-4002

user 1.0.0
METHOD      KIND           IDEMPOTENT  TIMEOUT  PRIORITY
getUser     unary          yes         500 ms   normal
watchUsers  server-stream  no          -        critical

getUser input: {"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}
getUser output: a valibot schema, which does not tell its JSON form
getUser errors: USER_GONE
`,
  );
  expect(backplane.calls.map(({ method, settings }) => [method, settings.version])).toEqual([
    ["$describe", "1.0.0"],
  ]);
});

test("one document for programs", async () => {
  const { stdout, run } = userShop();
  expect(await run("describe", "user", "--json")).toBe(0);
  const document = JSON.parse(stdout.text);
  expect(Object.keys(document)).toEqual(["registry", "service", "versions", "instances"]);
  expect(document.versions[0].endpoints[0]).toMatchObject({ name: "getUser", timeoutMs: 500, input: SCHEMA });
  expect(document.instances[1]).toMatchObject({ id: "user-4002", status: "draining" });
});

test("each version is asked; one that fails is said, and the rest is shown", async () => {
  const { stdout, stderr, backplane, run } = userShop();
  backplane.instances = [instance("user", 1), instance("user", 2, { version: "2.0.0" })];
  backplane.answers.$describe = ({ service, settings }) => {
    if (settings.version === "2.0.0") throw new RpcError("UNAVAILABLE", "refused", { executed: "no" });
    return { service, version: "1.0.0", endpoints: [endpoint("getUser")] };
  };
  expect(await run("describe", "user")).toBe(1);
  expect(stdout.text).toContain("user 1.0.0\nMETHOD");
  expect(stderr.text).toBe("user 2.0.0: UNAVAILABLE: refused\n  executed: no\n");
});

test("--version asks for that range only", async () => {
  const { backplane, run } = userShop();
  expect(await run("describe", "user", "--version", "^1", "--timeout", "100")).toBe(0);
  expect(backplane.calls.map(({ settings }) => settings)).toEqual([
    { version: "^1", timeoutMs: 100, signal: expect.any(AbortSignal) },
  ]);
});

test("an unknown service names the near ones", async () => {
  const { stdout, stderr, run } = userShop();
  expect(await run("describe", "usr")).toBe(1);
  expect(stdout.text).toBe("");
  expect(stderr.text).toBe('no service "usr" in local:/run/skein; did you mean user?\n');
});

test("an unknown service where there are none", async () => {
  const { stderr, run } = harness();
  expect(await run("describe", "usr", "--json")).toBe(1);
  expect(JSON.parse(stderr.text)).toEqual({
    error: {
      code: "NOT_FOUND",
      message: 'no service "usr" in local:/run/skein; there are no services at all',
    },
  });
});

test("a long schema takes several lines", async () => {
  const { stdout, backplane, run } = userShop();
  const properties = Object.fromEntries(
    Array.from({ length: 9 }, (_, at) => [`field${at}`, { type: "string" }]),
  );
  backplane.endpoints = [endpoint("put", { input: { type: "object", properties } })];
  await run("describe", "user");
  expect(stdout.text).toContain('put input: {\n  "type": "object",\n');
});
