import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { bury } from "./dead-letters.ts";
import { EventLink } from "./event-link.ts";
import { headerBytes } from "./event-message.ts";
import { JetStreamPort } from "./test/jetstream-port.ts";

const DEAD = { name: "EVENTS", dead: "skein.dead", maxDeliver: 5, ackWaitMs: 0, backoffMs: [] };
const stream = { ...DEAD, replicas: 1, maxAgeMs: 0 };

/** Buries an event with 100 bytes of metadata for a reason of 100, where the server takes 1000. */
async function buried(payloadBytes: number): Promise<readonly [kept: string, bytes: number]> {
  const port = new JetStreamPort();
  const runtime = createFakeRuntime();
  const link = new EventLink({ name: port.name, prefix: "skein", runtime, connect: () => port });
  await link.ready();
  const event = {
    name: "user",
    id: "e-1",
    publishedAt: 0,
    metadata: { tenant: "t".repeat(100) },
    contentType: "application/json",
    payload: Buffer.alloc(payloadBytes, "p"),
  };
  const reason = "r".repeat(100);
  expect(await bury(link, stream, { event, sequence: 17, attempts: 5, consumer: "c", reason })).toBe(
    "skein.dead.user",
  );
  const [{ text, headers } = { text: "", headers: new Map<string, string>() }] = port.dead;
  expect(headers.get("Skein-Event-Id")).toBe("e-1");
  const names = ["tenant", "Skein-Dead-Reason", "Skein-Dead-Payload"];
  const kept = names.flatMap((name) => headers.get(name)?.replace(/^(.)\1+$/, "$1") ?? []);
  return [[...kept, ...(text === "" ? [] : ["p"])].join(), headerBytes(headers) + text.length];
}

test("what does not fit into a message is left out: the reason, the metadata, at last the payload, which is in the stream", async () => {
  const [all, bytes] = await buried(100);
  expect(all).toBe("t,r,p");
  const most = 100 + 1000 - bytes;
  const reason = "Skein-Dead-Reason: \r\n".length + 100;
  const metadata = "tenant: \r\n".length + 100;
  expect(await buried(most)).toEqual(["t,r,p", 1000]);
  expect(await buried(most + 1)).toEqual(["t,p", 1001 - reason]);
  expect(await buried(most + reason)).toEqual(["t,p", 1000]);
  expect(await buried(most + reason + 1)).toEqual(["p", 1001 - metadata]);
  expect(await buried(most + reason + metadata)).toEqual(["p", 1000]);
  expect((await buried(most + reason + metadata + 1))[0]).toBe("t,r,EVENTS 17");
});
