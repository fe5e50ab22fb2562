import { RpcError } from "skein";
import { describe, expect, test } from "vitest";
import { endpoint, type HarnessOptions, harness, instance } from "../../test/harness.ts";

function user(options: HarnessOptions = {}) {
  const made = harness(options);
  made.backplane.endpoints = [
    endpoint("getUser"),
    endpoint("watchUsers", { kind: "server-stream" }),
    endpoint("addUsers", { kind: "client-stream" }),
    endpoint("chat", { kind: "bidi-stream" }),
    endpoint("ping"),
  ];
  made.backplane.answers = {
    getUser: ({ input }) => ({ ...(input as object), name: "Ada\x1b[2J" }),
    watchUsers: async function* () {
      yield { id: "1" };
      yield { id: "2" };
    },
    addUsers: async ({ input }) => {
      const all = [];
      for await (const item of input as AsyncIterable<unknown>) all.push(item);
      return { all };
    },
    chat: async function* ({ input }) {
      for await (const item of input as AsyncIterable<unknown>) yield { heard: item };
    },
    ping: () => undefined,
  };
  return made;
}

describe("unary", () => {
  test("prints the answer for people", async () => {
    const { stdout, run } = user();
    expect(await run("call", "user", "getUser", '{"id":"42"}')).toBe(0);
    expect(stdout.text).toBe('{\n  "id": "42",\n  "name": "Ada\\u001b[2J"\n}\n');
  });

  test("prints one line for programs", async () => {
    const { stdout, run } = user();
    expect(await run("call", "user", "getUser", '{"id":"42"}', "--json")).toBe(0);
    expect(stdout.text).toBe('{"id":"42","name":"Ada\\u001b[2J"}\n');
  });

  test("input from the standard input and from a file", async () => {
    const { stdout, run } = user({ stdin: ['{"id":', '"7"}'], files: { "in.json": '{"id":"8"}' } });
    expect(await run("call", "user", "getUser", "-", "--json")).toBe(0);
    expect(await run("call", "user", "getUser", "@in.json", "--json")).toBe(0);
    expect(stdout.text.split("\n").map((line) => line.slice(0, 10))).toEqual([
      '{"id":"7",',
      '{"id":"8",',
      "",
    ]);
  });

  test("no input and no answer", async () => {
    const { backplane, stdout, run } = user();
    expect(await run("call", "user", "ping")).toBe(0);
    expect(backplane.calls.at(-1)?.input).toBeUndefined();
    expect(stdout.text).toBe("");
    expect(await run("call", "user", "ping", "--json")).toBe(0);
    expect(stdout.text).toBe("null\n");
  });

  test("flags reach the call, and the question what kind it is", async () => {
    const { backplane, run } = user();
    const flags = [
      "--timeout",
      "250",
      "--metadata",
      "Tenant=acme=1",
      "--metadata",
      "b=",
      "--version",
      "^1.2",
    ];
    expect(await run("call", "user", "getUser", "{}", ...flags)).toBe(0);
    const common = { timeoutMs: 250, version: "^1.2", signal: expect.any(AbortSignal) };
    expect(backplane.calls.map(({ settings }) => settings)).toEqual([
      common,
      { ...common, metadata: { tenant: "acme=1", b: "" } },
    ]);
  });
});

describe("streams", () => {
  test("an item a line, for both", async () => {
    const { stdout, run } = user();
    expect(await run("call", "user", "watchUsers")).toBe(0);
    expect(await run("call", "user", "watchUsers", "--json")).toBe(0);
    expect(stdout.text).toBe('{"id":"1"}\n{"id":"2"}\n'.repeat(2));
  });

  test("items from an array, from lines, from a file of either", async () => {
    const files = { "a.json": "[1,2]", "l.ndjson": "1\n\n2\n" };
    const { stdout, run } = user({ stdin: ["1", "2"], files });
    for (const input of ["[1,2]", "-", "@a.json", "@l.ndjson"])
      expect(await run("call", "user", "addUsers", input, "--json")).toBe(0);
    expect(stdout.text).toBe('{"all":[1,2]}\n'.repeat(4));
  });

  test("both ways", async () => {
    const { stdout, run } = user({ stdin: ['"a"', '"b"'] });
    expect(await run("call", "user", "chat", "-")).toBe(0);
    expect(stdout.text).toBe('{"heard":"a"}\n{"heard":"b"}\n');
  });

  test.each([
    [[], /takes a stream: give a JSON array, @file, or - for a JSON value a line/],
    [["7"], /takes a stream: give a JSON array of its items/],
    [["@bad"], /^line 2 of bad is not JSON: a value is expected at column 1\n {2}x\n {2}\^\n$/],
  ])("input %j is refused", async (input, message) => {
    const { stderr, run } = user({ files: { bad: "1\nx" } });
    expect(await run("call", "user", "addUsers", ...input)).toBe(2);
    expect(stderr.text).toMatch(message);
  });

  test("items that were printed before it failed stay", async () => {
    const { backplane, stdout, stderr, run } = user();
    backplane.answers.watchUsers = async function* () {
      yield 1;
      throw new RpcError("UNAVAILABLE", "connection lost", { executed: "maybe", instance: "user-1" });
    };
    expect(await run("call", "user", "watchUsers")).toBe(1);
    expect(stdout.text).toBe("1\n");
    expect(stderr.text).toBe("UNAVAILABLE: connection lost\n  executed: maybe   instance: user-1\n");
  });
});

describe("failures", () => {
  test("an unknown method names the near ones, and is not called", async () => {
    const { backplane, stderr, run } = user();
    expect(await run("call", "user", "getUsr", "{}")).toBe(1);
    expect(stderr.text).toBe('user 1.0.0 has no method "getUsr"; did you mean getUser?\n');
    expect(backplane.calls.map(({ method }) => method)).toEqual(["$describe"]);
  });

  test("an unknown service is told from the registry's names, the one that is down by its own", async () => {
    const { backplane, stderr, run } = user();
    backplane.instances = [instance("user", 1)];
    backplane.answers.$describe = ({ service }) => {
      throw service === "usr"
        ? new RpcError("NOT_FOUND", "usr.$describe: service usr is not in registry x", { executed: "no" })
        : new RpcError("UNAVAILABLE", "user.$describe: no instance of user is there", { executed: "no" });
    };
    expect(await run("call", "usr", "getUser")).toBe(1);
    expect(await run("call", "user", "getUser")).toBe(1);
    expect(stderr.text).toBe(
      'no service "usr" in local:/run/skein; did you mean user?\nUNAVAILABLE: user: no instance of user is there\n  executed: no\n',
    );
  });

  test("bad JSON says where, and nothing is called", async () => {
    const { backplane, stderr, run } = user();
    expect(await run("call", "user", "getUser", "{id:1}")).toBe(2);
    expect(stderr.text).toContain(
      "the input is not JSON: a name in double quotes is expected at column 2\n  {id:1}\n   ^",
    );
    expect(backplane.calls.map(({ method }) => method)).not.toContain("getUser");
  });

  test("an error of the service, for people and for programs", async () => {
    const { backplane, stderr, stdout, run } = user();
    backplane.answers.getUser = () => {
      throw new RpcError("NOT_FOUND", "gone\x07", {
        executed: "yes",
        service: "user",
        method: "getUser",
        type: "USER_GONE",
        details: { id: "42" },
        id: "e1",
      });
    };
    expect(await run("call", "user", "getUser")).toBe(1);
    expect(stderr.text).toBe(
      'NOT_FOUND (USER_GONE): gone\\u0007\n  executed: yes   id in the server\'s log: e1\n  details: {"id":"42"}\n',
    );
    stderr.text = "";
    expect(await run("call", "user", "getUser", "--json")).toBe(1);
    expect(JSON.parse(stderr.text).error).toEqual({
      code: "NOT_FOUND",
      message: "gone\x07",
      executed: "yes",
      service: "user",
      method: "getUser",
      type: "USER_GONE",
      details: { id: "42" },
      id: "e1",
    });
    expect(stdout.text).toBe("");
  });

  test("Ctrl-C during a call", async () => {
    const { backplane, interrupt, stderr, run } = user();
    backplane.answers.getUser = ({ settings }) =>
      new Promise((_, reject) => {
        settings.signal?.addEventListener("abort", () => reject(new RpcError("CANCELLED", "cancelled")));
        interrupt.abort();
      });
    expect(await run("call", "user", "getUser")).toBe(130);
    expect(stderr.text).toBe("");
    expect(backplane.closed).toBe(1);
  });
});
