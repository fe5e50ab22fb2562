import { defineService, unary } from "../definition/define-service.ts";
import type { Client } from "./client.ts";

/** Compiled, never run: what must not compile is marked. */
declare const client: Client<{ user: User; mail: Mail }>;
declare const plain: Client;

declare class User {
  get(input: { id: string }): Promise<{ name: string }>;
  watch(): AsyncIterable<number>;
}
declare class Mail {
  send(text: string): Promise<void>;
}
const contract = defineService("order", { place: unary((input: { n: number }) => `order ${input.n}`) });

export async function typed(): Promise<void> {
  const user = await client.service("user").get({ id: "1" });
  user.name satisfies string;
  // @ts-expect-error: there is no such result
  user.nam;
  await client.service("mail").send("text");
  // @ts-expect-error: of another type
  await client.service("mail").send(1);
  // @ts-expect-error: no such method
  await client.service("user").gett({ id: "1" });
  await plain.service<User>("user").call("get", { id: "1" }, { timeoutMs: 5 });
  // @ts-expect-error: no such option
  await plain.service<User>("user").get({ id: "1" }, { timeout: 5 });
  for await (const n of plain.service<User>("user", { version: "^1" }).watch()) n satisfies number;
  (await plain.service(contract).place({ n: 1 })) satisfies string;
  // @ts-expect-error: of another type
  await plain.service(contract).place({ n: "1" });
  // @ts-expect-error: no method is known of a service of no type
  await plain.service("user").get({ id: "1" });
}
