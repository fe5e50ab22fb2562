import { expect, test } from "vitest";
import { DoorCallers } from "./door-callers.ts";
import type { DoorHost } from "./door-host.ts";
import { RpcError } from "./errors/rpc-error.ts";

function made() {
  const opened: string[] = [];
  const closed: string[] = [];
  const connect = (peer: string, credentials = "none") => {
    opened.push(`${peer} ${credentials}`);
    return { client: { credentials }, close: () => void closed.push(credentials) };
  };
  const callers = new DoorCallers({ connect } as unknown as DoorHost, "p");
  return { callers, opened, closed };
}

test("one session for each set of credentials, whatever runs over it", () => {
  const { callers, opened, closed } = made();
  const [a, b, plain] = [callers.take("k"), callers.take("k"), callers.take(undefined)];
  expect([a.client === b.client, a.client === plain.client]).toEqual([true, false]);
  for (const taken of [a, b, plain]) taken.release();
  callers.take("k").release(new RpcError("NOT_FOUND", "no user"));
  expect([opened, closed]).toEqual([["p k", "p none"], []]);
});

test("of idle ones eight are kept, those used last; what runs is not closed", () => {
  const { callers, closed } = made();
  const running = callers.take("running");
  for (let n = 0; n < 9; n++) callers.take(`k${n}`).release();
  expect(closed).toEqual(["k0"]);
  callers.take("k1").release();
  callers.take("new").release();
  expect(closed).toEqual(["k0", "k2"]);
  running.release();
  expect(closed).toEqual(["k0", "k2", "running"]);
});

test("refused credentials are not kept, once nothing runs over them", () => {
  const { callers, closed } = made();
  const refused = new RpcError("UNAUTHENTICATED", "no");
  const [first, second] = [callers.take("bad"), callers.take("bad")];
  first.release(refused);
  expect(closed).toEqual([]);
  second.release(refused);
  expect(closed).toEqual(["bad"]);
});

test("when the peer goes all of them are closed, and one that comes late as well", () => {
  const { callers, closed } = made();
  callers.take("idle").release();
  callers.take("running");
  callers.close();
  expect(closed).toEqual(["idle", "running"]);
  callers.take("late").release();
  expect(closed).toEqual(["idle", "running", "late"]);
});
