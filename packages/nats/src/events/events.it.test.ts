import { connect, headers } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../test/nats-server.ts";
import { Desk, event, hear, until } from "./test/desk.ts";

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  const desk = new Desk();
  afterEach(() => desk.end());

  describe("alone", () => {
    beforeEach(() => desk.begin(NatsServer.start()));

    test("any NATS client publishes and subscribes", async () => {
      const bus = desk.open();
      const heard = await hear(bus, "user.>");
      desk.plain.publish("skein.events.user.created", Buffer.from('{"id":"7"}'));
      desk.plain.publish("skein.events.user.ü", Buffer.from("no name of ours"));
      const given = headers();
      given.set("Traceparent", "00-1-2-3");
      given.set("Nats-Msg-Id", "go-1");
      desk.plain.publish("skein.events.user.gone", Buffer.from("{}"), { headers: given });
      await until(() => heard.deliveries.length === 2);
      const [first, second] = heard.deliveries.map((delivery) => delivery.event);
      expect(first).toMatchObject({ name: "user.created", contentType: "application/json" });
      expect(first?.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(Math.abs((first?.publishedAt ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(Buffer.from(first?.payload ?? []).toString()).toBe('{"id":"7"}');
      expect(second).toMatchObject({ id: "go-1", metadata: { traceparent: "00-1-2-3" } });

      const sub = desk.plain.subscribe("skein.events.order.paid");
      await desk.plain.flush();
      await bus.publish(event("order.paid", { id: "o-1", metadata: { tenant: "a" } }));
      for await (const message of sub) {
        expect(message.string()).toBe("{}");
        expect(message.headers?.get("Nats-Msg-Id")).toBe("o-1");
        expect(message.headers?.get("tenant")).toBe("a");
        break;
      }
    });

    test("a Go program's queue and ours are one", async () => {
      const bus = desk.open();
      const heard = await hear(bus, "user.created", { queue: "mailer" });
      let theirs = 0;
      desk.plain.subscribe("skein.events.user.created", { queue: "mailer", callback: () => void theirs++ });
      await desk.plain.flush();
      for (let i = 0; i < 100; i++) await bus.publish(event("user.created"));
      await desk.plain.flush();
      await until(() => theirs + heard.deliveries.length >= 100);
      expect(theirs + heard.deliveries.length).toBe(100);
      expect(theirs).toBeGreaterThan(0);
      expect(heard.deliveries.length).toBeGreaterThan(0);
    });

    test("begun before the server is there: who publishes is told after 2 s, who subscribes waits on", async () => {
      const bus = desk.open();
      await desk.server.kill();
      const subscribed = hear(bus, "user");
      await expect(bus.publish(event("user"))).rejects.toMatchObject({
        code: "UNAVAILABLE",
        executed: "no",
      });
      await desk.server.start();
      const heard = await subscribed;
      await bus.publish(event("user"));
      await until(() => heard.deliveries.length === 1);
    });

    test("without a connection: told at once, executed no; subscribers are told, and back within 500 ms", async () => {
      const bus = desk.open();
      const heard = await hear(bus, "user");
      await desk.server.kill();
      await until(() => heard.troubles.length > 0);
      expect(heard.troubles[0]?.message).toContain(
        "what is published until the connection is back does not arrive",
      );
      const begun = performance.now();
      await expect(bus.publish(event("user"))).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
      expect(performance.now() - begun).toBeLessThan(1500);
      await desk.server.start();
      const opened = performance.now();
      const sentinel = await connect({ servers: desk.server.url });
      desk.undo.push(() => sentinel.close());
      while (heard.deliveries.length === 0 && performance.now() - opened < 5000) {
        sentinel.publish("skein.events.user");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const backMs = performance.now() - opened;
      console.info(`subscription back ${Math.round(backMs)} ms after the port opened`);
      expect(backMs).toBeLessThan(4000);
      await bus.publish(event("user"));
    });

    test("published and not confirmed when the connection goes: executed maybe", async () => {
      const bus = desk.open();
      await bus.publish(event("user"));
      desk.server.stop();
      const publishing = Promise.allSettled([bus.publish(event("user")), bus.publish(event("user"))]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      desk.server.resume();
      expect((await publishing).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
      desk.server.stop();
      // It takes a moment until none of its threads runs.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const lost = Promise.allSettled([bus.publish(event("user")), bus.publish(event("user"))]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await desk.server.kill();
      expect(await lost).toMatchObject([
        { reason: { code: "UNAVAILABLE", executed: "maybe" } },
        { reason: { code: "UNAVAILABLE", executed: "maybe" } },
      ]);
    });

    test("too large, or what no header holds: refused, and the connection lives", async () => {
      const bus = desk.open();
      await expect(bus.publish(event("user", { payload: Buffer.alloc(1024 * 1024) }))).rejects.toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        executed: "no",
        message: expect.stringContaining("max_payload is 1048576"),
      });
      await expect(
        bus.publish(event("user", { metadata: { a: "x\r\nPUB evil 0\r\n" } })),
      ).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining('the metadata "a" must have no line ends'),
      });
      await expect(bus.publish(event("user\r\nPUB evil 0\r\n"))).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      await bus.publish(event("user"));
    });

    test("stream= needs JetStream: said, with what to do", async () => {
      const bus = desk.open("stream=EVENTS");
      const refusal = {
        code: "FAILED_PRECONDITION",
        executed: "no",
        message: expect.stringContaining(
          "the server has no JetStream, and stream= needs it: start it with nats-server -js",
        ),
      };
      await expect(bus.publish(event("user"))).rejects.toMatchObject(refusal);
      await expect(hear(bus, "user")).rejects.toMatchObject(refusal);
    });

    test("no server at all", async () => {
      const bus = desk.open("", "nats://127.0.0.1:1");
      await expect(bus.publish(event("user"))).rejects.toMatchObject({
        code: "UNAVAILABLE",
        executed: "no",
        message: expect.stringContaining("nothing listens there"),
      });
    });
  });

  test("what the server does not permit is said, to publishers and subscribers", async () => {
    await desk.begin(
      NatsServer.start(
        [],
        'authorization { users = [ { user: a, password: b }, { user: u, password: p, permissions: { publish: ["skein.events.ok"], subscribe: ["skein.events.ok", "skein.replies.>"] } } ] }\nno_auth_user: a',
      ),
    );
    const bus = desk.open("", desk.server.url.replace("//", "//u:p@"));
    await bus.publish(event("ok"));
    const outcomes = await Promise.allSettled([
      bus.publish(event("secret")),
      bus.publish(event("ok")),
      bus.publish(event("secret")),
    ]);
    expect(outcomes).toMatchObject([
      { reason: { code: "PERMISSION_DENIED", executed: "no" } },
      { status: "fulfilled" },
      { reason: { code: "PERMISSION_DENIED" } },
    ]);
    await expect(hear(bus, "secret")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    await (await hear(bus, "ok")).close();
  });
});
