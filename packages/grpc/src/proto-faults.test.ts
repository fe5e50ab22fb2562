import type { DoorHost } from "@skein/core";
import { FakeClock, loggerTo } from "@skein/core/testing";
import { expect, test } from "vitest";
import { watchProtos } from "./proto-faults.ts";
import type { LoadedProto } from "./protos.ts";

function watch() {
  const clock = new FakeClock();
  const draining = new AbortController();
  const lines: string[] = [];
  const host = {
    runtime: { clock },
    logger: loggerTo((_, message) => void lines.push(message)),
    services: () => [],
    draining: draining.signal,
  } as unknown as DoorHost;
  watchProtos(host, [{ service: "user", name: "acme.User" } as LoadedProto]);
  return { clock, draining, lines };
}

test("a service that never comes is missed after ten seconds, once", () => {
  const { clock, lines } = watch();
  clock.advance(9900);
  expect(lines).toEqual([]);
  clock.advance(20_000);
  expect(lines).toEqual(["grpc: acme.User was given for service user, which is not served here"]);
  expect(clock.timers).toBe(0);
});

test("whoever leaves misses nothing", () => {
  const { clock, draining, lines } = watch();
  clock.advance(1000);
  draining.abort();
  clock.advance(20_000);
  expect([lines, clock.timers]).toEqual([[], 0]);
});
