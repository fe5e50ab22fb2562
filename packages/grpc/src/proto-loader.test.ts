import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { grpcDoor } from "./index.ts";
import { protoLoader } from "./proto-loader.ts";

const loaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("proto-loader"));

test("a door without a .proto is made without loading what reads them", () => {
  grpcDoor();
  expect(loaded()).toBe(false);
  protoLoader();
  expect(loaded()).toBe(true);
});
