import { writeFileSync } from "node:fs";
import { createClient, RpcError } from "skein";
import { ShopErrors } from "./errors.ts";
import type { OrderService } from "./order.service.ts";
import type { UserService } from "./user.service.ts";
import type { Ending } from "./verdict.ts";

/** Calls a second, and how often some are started. */
const RATE = 400;
const EVERY_MS = 20;

const client = createClient({ retries: process.env.SHOP_RETRIES !== "off" });
const users = client.service<UserService>("user");
const orders = client.service<OrderService>("order");
const endings: Ending[] = [];
const inFlight = new Set<Promise<void>>();
let started = 0;

const calls: readonly { method: string; idempotent: boolean; make(call: string): Promise<unknown> }[] = [
  { method: "getUser", idempotent: true, make: (call) => users.getUser({ call, id: "1" }) },
  { method: "findUsers", idempotent: true, make: (call) => users.findUsers({ call, like: "a" }) },
  { method: "addPoints", idempotent: false, make: (call) => users.addPoints({ call, id: "2", points: 1 }) },
  {
    method: "placeOrder",
    idempotent: false,
    make: (call) => orders.placeOrder({ call, id: "3", item: "tea" }),
  },
];

async function one(): Promise<void> {
  const { method, idempotent, make } = calls[started % calls.length] as (typeof calls)[number];
  const call = `c${++started}`;
  try {
    endings.push({ call, method, idempotent, answer: JSON.stringify(await make(call)) });
  } catch (error) {
    const executed = RpcError.is(error) ? error.executed : "maybe";
    const unknown = !idempotent && (executed === "maybe" || ShopErrors.OUTCOME_UNKNOWN.is(error));
    endings.push({ call, method, idempotent, executed, unknown, error: String(error) });
    if (!unknown) process.send?.({ failed: `${method} ${call}: ${error}` });
  }
}

await users.getUser({ call: "c0", id: "1" }, { waitForReady: true, timeoutMs: 10_000 });
await orders.placeOrder({ call: "o0", id: "1", item: "tea" }, { waitForReady: true, timeoutMs: 10_000 });
const load = setInterval(() => {
  for (let i = 0; i < (RATE * EVERY_MS) / 1000; i++) {
    const call: Promise<void> = one().finally(() => inFlight.delete(call));
    inFlight.add(call);
  }
}, EVERY_MS);
const progress = setInterval(() => {
  const unknown = endings.filter((e) => e.unknown === true).length;
  const failed = endings.filter((e) => e.error !== undefined && e.unknown !== true).length;
  process.send?.({ answered: endings.length - failed - unknown, failed, unknown, inFlight: inFlight.size });
}, 1000);

process.once("message", async () => {
  clearInterval(load);
  clearInterval(progress);
  await Promise.all(inFlight);
  await client.close();
  writeFileSync(process.env.SHOP_RESULT as string, JSON.stringify(endings));
  process.disconnect();
});
process.send?.("ready");
