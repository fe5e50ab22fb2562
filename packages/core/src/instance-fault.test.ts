import { expect, test } from "vitest";
import type { Instance } from "./instance.ts";
import { instanceFault } from "./instance-fault.ts";
import { isStaticId, staticId } from "./static-id.ts";

const good: Instance = {
  service: "billing.invoice",
  version: "1.0.0",
  id: "4f6c-1",
  addresses: [],
  weight: 1,
  status: "serving",
  startedAt: "",
  metadata: { größe: "ü" },
};

test("a sound record has no fault", () => expect(instanceFault(good)).toBeUndefined());

test.each<[Partial<Instance>, string]>([
  [{ service: "../etc" }, 'the service name "../etc" cannot be a key in a registry'],
  [{ version: "a/b" }, 'the version "a/b" cannot be a key in a registry'],
  [{ id: "" }, 'the instance id "" cannot be a key in a registry'],
  [{ id: "a/b" }, 'the instance id "a/b" cannot be a key'],
  [{ id: "a\0b" }, 'the instance id "a\\u0000b" cannot be a key'],
  [{ id: "x".repeat(129) }, "use up to 128 characters without spaces and slashes"],
  [{ weight: -1 }, "the weight -1 of instance 4f6c-1 is no share of traffic: use a number from 0 on"],
  [{ weight: Number.NaN }, "the weight NaN of instance 4f6c-1"],
  [
    { metadata: { a: "ü".repeat(4096) } },
    "the metadata of instance 4f6c-1 is 8200 bytes long as JSON: a registry takes 8192",
  ],
])("%j is refused", (given, message) => expect(instanceFault({ ...good, ...given })).toContain(message));

test("ids of instances written down by hand", () => {
  expect(isStaticId(staticId("tcp://10.0.0.1:80"))).toBe(true);
  expect(isStaticId("4f6c-1")).toBe(false);
});
