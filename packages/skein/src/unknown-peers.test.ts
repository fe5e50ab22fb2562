import type { Logger } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { logUnknownPeers } from "./unknown-peers.ts";

test("a line at once, then at most one each ten seconds with the number in between", () => {
  const { clock } = createFakeRuntime();
  const lines: object[] = [];
  const warn = (fields: object): void => void lines.push(fields);
  const say = logUnknownPeers({ warn } as unknown as Logger, clock);
  say("1.2.3.4:5", new Uint8Array([0x16, 3, 1]));
  for (let i = 0; i < 1000; i++) say("1.2.3.4:6", new Uint8Array());
  clock.advance(9999);
  say("1.2.3.4:7", new Uint8Array());
  expect(lines).toEqual([{ peer: "1.2.3.4:5", firstBytes: "160301" }]);
  clock.advance(1);
  say("1.2.3.4:8", new Uint8Array());
  expect(lines[1]).toEqual({ peer: "1.2.3.4:8", firstBytes: "", othersSince: 1001 });
  clock.advance(10_000);
  say("1.2.3.4:9", new Uint8Array());
  expect(lines[2]).toEqual({ peer: "1.2.3.4:9", firstBytes: "" });
});

test.each([
  ["rpc.Dial", "2e7f030101075265717565737401ff80"],
  ["rpc.Dial, with an id of two bytes", "2eff81030101075265717565737401ff"],
  ["rpc.DialHTTP", Buffer.from("CONNECT /_goRPC_").toString("hex")],
])("a Go client that speaks gob is told what to dial with: %s", (_, hex) => {
  const { clock } = createFakeRuntime();
  const lines: object[] = [];
  const logger = { warn: (fields: object) => void lines.push(fields) } as unknown as Logger;
  logUnknownPeers(logger, clock)("1.2.3.4:5", Buffer.from(hex, "hex"));
  expect(lines).toEqual([
    { peer: "1.2.3.4:5", firstBytes: hex, hint: expect.stringContaining("jsonrpc.Dial") },
  ]);
});
