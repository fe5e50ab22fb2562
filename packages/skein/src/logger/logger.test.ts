import type { Logger } from "@skein/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLogger } from "./create-logger.ts";

/** The lines written, raw and parsed. */
function sink(level: "debug" | "info" | "silent" = "debug"): {
  logger: Logger;
  lines: string[];
  last(): Record<string, any>;
} {
  const lines: string[] = [];
  const logger = createLogger({ level, destination: { write: (line) => void lines.push(line) } });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) as string) };
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const RAW_CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

test("a line of JSON with level, time and message", () => {
  const { logger, last } = sink();
  logger.info({ service: "user", calls: 3, ok: true, none: undefined }, "ready");
  expect(last()).toMatchObject({ level: "info", msg: "ready", service: "user", calls: 3, ok: true });
  expect(new Date(last().time).getTime()).toBeGreaterThan(Date.now() - 60_000);
});

test("levels: what is below is not written, nor looked at", () => {
  const { logger, lines } = sink("info");
  const touchy = {
    get x() {
      throw new Error("looked at");
    },
  };
  logger.debug(touchy, "no");
  logger.child({ a: 1 }).debug(touchy, "no");
  logger.warn({}, "yes");
  expect(lines).toHaveLength(1);
  const silent = sink("silent");
  silent.logger.error({}, "no");
  expect(silent.lines).toEqual([]);
});

test("children add their fields, sanitized", () => {
  const { logger, last } = sink();
  logger.child({ service: "user\n", token: "hunter2" }).child({ method: "get" }).info({}, "x");
  expect(last()).toMatchObject({ service: "user\\n", token: "***", method: "get" });
});

describe("control characters", () => {
  test.each([
    ["CR LF", "a\r\nb", "a\\r\\nb"],
    ["ANSI", "\x1b[31mred\x9b0m", "\\u001b[31mred\\u009b0m"],
    ["NUL", "a\0b", "a\\u0000b"],
    ["separators", "a\u2028b\u2029c", "a\\u2028b\\u2029c"],
    ["direction", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
    ["DEL", "a\x7fb", "a\\u007fb"],
  ])("%s become text in fields, names, messages and errors", (_, raw, text) => {
    const { logger, lines, last } = sink();
    logger.info({ field: raw, [raw]: 1, nested: [{ deep: raw }], err: new Error(raw) }, `said ${raw}`);
    expect(last()).toMatchObject({
      field: text,
      [text]: 1,
      nested: [{ deep: text }],
      msg: `said ${text}`,
      err: { message: text },
    });
    expect(last().err.stack.split("\n")[0]).toBe(`Error: ${text}`);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, -1)).not.toMatch(RAW_CONTROL);
  });

  test("10,000 hostile names: a line each, no raw control character", () => {
    const { logger, lines } = sink();
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom("\r", "\n", "\x1b", "\0", "\u2028", "\x9b", "\x85"),
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      ),
      maxLength: 40,
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        lines.length = 0;
        logger.warn({ service: a, [b]: { peer: b } }, a);
        return (
          lines.length === 1 &&
          !RAW_CONTROL.test((lines[0] as string).slice(0, -1)) &&
          lines[0]?.at(-1) === "\n"
        );
      }),
      { numRuns: 10_000 },
    );
  });

  test("an error cannot forge a line: only frames keep their line breaks", () => {
    const { logger, last } = sink();
    logger.error({ err: new Error('x\n{"level":"info","msg":"forged"}') }, "failed");
    const [first, ...frames] = last().err.stack.split("\n");
    expect(first).toBe('Error: x\\n{"level":"info","msg":"forged"}');
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.every((frame: string) => frame.startsWith("    at "))).toBe(true);
  });
});

describe("size", () => {
  test("a field takes at most 1 KiB, however it is made up", () => {
    const { logger, last } = sink();
    const long = "x".repeat(100_000);
    logger.info(
      {
        text: long,
        wide: "ü".repeat(5000),
        list: Array(10_000).fill(long),
        map: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, long])),
        many: Array(10_000).fill(1),
      },
      long,
    );
    const line = last();
    for (const field of ["text", "wide", "msg"])
      expect(Buffer.byteLength(line[field])).toBeLessThanOrEqual(1024);
    expect(line.text.endsWith("…")).toBe(true);
    for (const field of ["list", "map", "many"])
      expect(JSON.stringify(line[field]).length).toBeLessThan(1300);
  });

  test("an error is bounded too, its causes with it", () => {
    const { logger, lines } = sink();
    let error = new Error("x".repeat(50_000));
    for (let i = 0; i < 50; i++) error = new Error("y".repeat(50_000), { cause: error });
    logger.error({ err: error }, "failed");
    expect(lines[0]?.length).toBeLessThan(40_000);
  });
});

describe("secrets", () => {
  const marker = "hunter2-marker";
  test("never come through, by name or within a URL", () => {
    const { logger, lines } = sink();
    logger.error(
      {
        metadata: {
          authorization: `Bearer ${marker}`,
          cookie: marker,
          "x-api-key": marker,
          "set-cookie": [marker],
        },
        registryPassword: marker,
        DB_PASSWORD: marker,
        accessToken: marker,
        apikey: marker,
        credentials: { user: marker },
        key: marker,
        privateKey: Buffer.from(marker),
        secret: new Map([["a", marker]]),
        registry: `etcd://root:${marker}@a:2379`,
        href: new URL(`http://u:${marker}@h/?token=${marker}`),
        header: `Authorization: Bearer ${marker}`,
        bytes: new TextEncoder().encode(marker),
        map: new Map([["token", marker]]),
        err: Object.assign(
          new Error(`could not reach nats://u:${marker}@n:4222`, {
            cause: new Error(`https://h/?api_key=${marker}`),
          }),
          { token: marker },
        ),
        far: `${"x".repeat(4000)}etcd://root:${marker.repeat(100)}@a`,
      },
      `connecting to etcd://root:${marker}@a:2379`,
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(marker);
    expect(lines[0]).toContain("etcd://***@a:2379");
  });

  test("what merely sounds like one is shown", () => {
    const { logger, last } = sink();
    logger.info({ keys: ["a"], tokenCount: 3, keyspace: "x", monkey: "y" }, "x");
    expect(last()).toMatchObject({ keys: ["a"], tokenCount: 3, keyspace: "x", monkey: "y" });
  });
});

test("nothing breaks it: cycles, getters that throw, proxies, odd values", () => {
  const { logger, last, lines } = sink();
  const cycle: Record<string, unknown> = { name: "cycle" };
  cycle.self = cycle;
  const hostile = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("no");
      },
    },
  );
  logger.info(
    {
      cycle,
      hostile,
      n: 12n,
      f() {},
      s: Symbol("x"),
      nan: Number.NaN,
      date: new Date(0),
      bad: new Date(Number.NaN),
      set: new Set([1, 2]),
      get boom() {
        throw new Error("no");
      },
      toJSON() {
        throw new Error("no");
      },
      err: Object.create(Error.prototype, {
        stack: {
          get() {
            throw new Error("no");
          },
        },
      }),
      ["__proto__"]: { polluted: true },
    },
    "odd",
  );
  expect(lines).toHaveLength(1);
  expect(last()).toMatchObject({
    cycle: { name: "cycle", self: "[…]" },
    hostile: {},
    n: "12n",
    f: "[function]",
    nan: "NaN",
    date: "1970-01-01T00:00:00.000Z",
    bad: "invalid date",
    set: [1, 2],
    boom: "[unreadable]",
    err: "[unreadable]",
  });
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("fields cannot pass for the line's own", () => {
  const { logger, lines, last } = sink();
  logger.info({ level: "error", msg: "forged", time: "1970", pid: 1, hostname: "x" }, "real");
  expect(lines[0]?.match(/"(level|msg|time|pid|hostname)":/g)?.sort()).toEqual([
    '"hostname":',
    '"level":',
    '"msg":',
    '"pid":',
    '"time":',
  ]);
  expect(last()).toMatchObject({ level: "info", msg: "real", level_: "error", msg_: "forged" });
});
