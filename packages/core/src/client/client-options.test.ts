import { expect, it } from "vitest";
import { silentLogger } from "../runtime.ts";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import { plainJsonCodec } from "../testing/json-codec.ts";
import { createClient } from "./client.ts";
import { type ClientOptions, resolveClientOptions } from "./client-options.ts";
import { createFakeRegistry } from "./test/fake-registry.ts";
import { FakeTransport } from "./test/fake-session.ts";
import { createCountingSelector } from "./test/round-robin.ts";

const good: ClientOptions = {
  runtime: createFakeRuntime(),
  logger: silentLogger,
  registry: createFakeRegistry(),
  transports: [new FakeTransport()],
  codecs: [plainJsonCodec],
  selector: createCountingSelector().factory,
};

it("fills in defaults", () => {
  expect(resolveClientOptions(good)).toMatchObject({ interceptors: [], policy: {} });
});

it.each([
  [{ runtime: undefined }, "createClient: runtime is undefined: give a Runtime"],
  [{ logger: null }, "createClient: logger is null: give a Logger (silentLogger for none)"],
  [{ registry: "etcd://a" }, 'createClient: registry is "etcd://a": give a Registry'],
  [{ transports: [] }, "createClient: transports is an empty array: give at least one Transport"],
  [{ codecs: [{}] }, "createClient: codecs is an array: give at least one CodecFactory"],
  [{ selector: "p2c" }, 'createClient: selector is "p2c": give a SelectorFactory'],
  [{ contextStore: {} }, "createClient: contextStore is an object: give a ContextStore"],
  [
    { interceptors: [1] },
    "createClient: interceptors is an array: give an array of functions (next) => next",
  ],
  [
    { credentials: 7 },
    'createClient: credentials is "number": give a string, or a function that returns one',
  ],
  [{ retries: "no" }, 'createClient: retries is "no": give true or false'],
  [{ timeoutMs: 0 }, "createClient: timeoutMs is 0: give milliseconds, more than 0"],
  [
    { policy: { connect: { timeoutMs: Number.NaN } } },
    "createClient: policy.connect.timeoutMs is NaN: give milliseconds, more than 0",
  ],
  [{ ttlMs: -1 }, "createClient: ttlMs is -1: give milliseconds, more than 0"],
  [{ zone: "" }, 'createClient: zone is "": give a zone\'s name'],
  [{ idempotent: 1 }, "createClient: idempotent is 1: give true or false"],
  [{ waitForReady: "yes" }, 'createClient: waitForReady is "yes": give true or false'],
  [{ version: 2 }, 'createClient: version is 2: give a range like "^1"'],
  [
    { version: "^x.y" },
    'version "^x.y" is no range: write ^1, ~1.2, 1.x, >=1.2 <2, or an exact version like v1',
  ],
  [{ metadata: { a: 1 } }, "createClient: metadata.a is 1: give a string"],
  [{ metadata: "a" }, 'createClient: metadata is "a": give an object of strings'],
  [{ limits: { maxDepth: 0 } }, "limits.maxDepth is 0: give a number above 0"],
])("names the field that is wrong: %j", (wrong, message) => {
  expect(() => createClient({ ...good, ...wrong } as ClientOptions)).toThrow(new TypeError(message));
});
