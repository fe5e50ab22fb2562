import { expect, test } from "vitest";
import type { Instance } from "../instance.ts";
import { goMicroEndpoints, goMicroFault, tellEndpoints } from "./go-micro-record.ts";

const instance = (...protocols: string[]): Instance => ({
  service: "order-item",
  version: "1.0.0",
  id: "i",
  addresses: protocols.map((protocol) => ({ protocol, url: "tcp://127.0.0.1:1" })),
  weight: 1,
  status: "serving",
  startedAt: new Date(0).toISOString(),
  metadata: {},
});

test("endpoints by their Go names, streams said to be, built-in ones left out; a copy has them too", () => {
  const one = instance("skein");
  tellEndpoints(one, [
    { name: "add", kind: "unary" },
    { name: "watchAll", kind: "server-stream" },
    { name: "$describe", kind: "unary" },
  ]);
  const value = (name: string) => ({ name, type: name, values: null });
  expect(goMicroEndpoints({ ...one, status: "not-ready" })).toEqual([
    { name: "OrderItem.Add", request: value("Request"), response: value("Response"), metadata: {} },
    {
      name: "OrderItem.WatchAll",
      request: value("Request"),
      response: value("Response"),
      metadata: { stream: "true" },
    },
  ]);
  expect(goMicroEndpoints(one, 1)).toHaveLength(1);
  expect(goMicroEndpoints(instance("skein"))).toEqual([]);
});

test.each([
  [["skein"], /Go Micro's clients find order-item .* cannot call it: give serve\(\) doors: \["http"\]/],
  [["skein", "jsonrpc"], /cannot call it/],
  [["skein", "http"], undefined],
  [["skein", "grpc"], undefined],
  [["go-micro"], undefined],
  [["tcp"], undefined],
])("%j", (protocols, fault) => {
  const said = goMicroFault(instance(...protocols));
  if (fault === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(fault);
});
