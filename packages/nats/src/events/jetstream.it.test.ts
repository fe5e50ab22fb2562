import type { BusDelivery } from "@skein/core";
import { connect, type JetStreamManager } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../test/nats-server.ts";
import { headerBytes, headersOf } from "./event-message.ts";
import { Desk, event, hear, until } from "./test/desk.ts";

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  const desk = new Desk();
  afterEach(() => desk.end());

  test("who may not look after streams may publish to one that is there", async () => {
    const permissions = 'permissions: { publish: ["skein.events.>"], subscribe: ["skein.replies.>"] }';
    await desk.begin(
      NatsServer.start(
        ["-js"],
        `authorization { users = [ { user: a, password: b }, { user: u, password: p, ${permissions} } ] }\nno_auth_user: a`,
      ),
    );
    const heard = await hear(desk.open("stream=EVENTS"), "user", { queue: "mailer" });
    await desk.open("stream=EVENTS", desk.server.url.replace("//", "//u:p@")).publish(event("user"));
    await until(() => heard.deliveries.length === 1);
  });

  test("who may not say what became of an event is told so, once", async () => {
    const permissions = 'permissions: { publish: { allow: ">", deny: "$JS.ACK.>" } }';
    await desk.begin(
      NatsServer.start(
        ["-js"],
        `authorization { users = [ { user: a, password: b }, { user: u, password: p, ${permissions} } ] }\nno_auth_user: a`,
      ),
    );
    const bus = desk.open("stream=EVENTS", desk.server.url.replace("//", "//u:p@"));
    const heard = await hear(bus, "user", { queue: "mailer" });
    await bus.publish(event("user"));
    await until(() => heard.troubles.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(heard.troubles.map(({ message }) => message)).toEqual([
      expect.stringContaining("the server does not let us publish to $JS.ACK.EVENTS."),
    ]);
  });

  describe("with JetStream", () => {
    let manager: JetStreamManager;
    beforeEach(async () => {
      await desk.begin(NatsServer.startJetStream());
      manager = await desk.plain.jetstreamManager();
    });

    test("the streams are made with a window for duplicates", async () => {
      await hear(desk.open("stream=EVENTS"), "user", { queue: "mailer" });
      const { config } = await manager.streams.info("EVENTS");
      expect(config).toMatchObject({
        subjects: ["skein.events.>"],
        storage: "file",
        duplicate_window: 120e9,
        max_age: 604_800e9,
      });
      expect((await manager.streams.info("EVENTS_DEAD")).config.subjects).toEqual(["skein.dead.>"]);
    });

    test("a stream that is there is left as it is, where it holds our events", async () => {
      await manager.streams.add({ name: "ALL", subjects: ["skein.>"], max_msgs: 1000 });
      const bus = desk.open("stream=ALL");
      const heard = await hear(bus, "user", { queue: "mailer" });
      await bus.publish(event("user"));
      await until(() => heard.deliveries.length === 1);
      expect((await manager.streams.info("ALL")).config.max_msgs).toBe(1000);
      expect((await manager.streams.names().next()).sort()).toEqual(["ALL"]);
    });

    test.each([
      [
        "OTHER",
        ["other.>"],
        "the stream OTHER holds other.>, and not skein.events.>: add that to its subjects",
      ],
      ["MINE", ["skein.events.user.>"], "cannot be made: another holds subjects of skein.events.> already"],
    ])("a stream in the way is named: %s", async (name, subjects, message) => {
      await manager.streams.add({ name: name === "MINE" ? "THEIRS" : name, subjects });
      const bus = desk.open(`stream=${name}`);
      await expect(bus.publish(event("user"))).rejects.toMatchObject({
        code: "FAILED_PRECONDITION",
        message: expect.stringContaining(message),
      });
    });

    test("an event from a stranger: id and time are the stream's", async () => {
      const bus = desk.open("stream=EVENTS");
      const heard = await hear(bus, "user.>", { queue: "mailer" });
      const ack = await desk.plain.jetstream().publish("skein.events.user.created", Buffer.from("{}"));
      await until(() => heard.deliveries.length === 1);
      const { id, publishedAt, name } = (heard.deliveries[0] as BusDelivery).event;
      expect({ id, name }).toEqual({ id: `EVENTS-${ack.seq}`, name: "user.created" });
      expect(Math.abs(publishedAt - Date.now())).toBeLessThan(60_000);
      await desk.plain.jetstream().publish("skein.events.user.ü", Buffer.from("{}"));
      await until(() => heard.troubles.length === 1);
      expect(heard.troubles[0]?.message).toContain('"skein.events.user.ü" is no event of ours');
    });

    test("what fails each time is given up after maxDeliver attempts, kept with its reason, and told", async () => {
      const bus = desk.open("stream=EVENTS&maxDeliver=3&backoff=20ms,40ms");
      const heard = await hear(bus, "user.*", {
        queue: "mailer",
        handle: async () => {
          throw new Error("no such mailbox: Grüße");
        },
      });
      await bus.publish(event("user.created", { id: "u-1", metadata: { tenant: "a" } }));
      await until(() => heard.troubles.length > 0);
      expect(heard.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      expect(heard.troubles[0]).toMatchObject({
        message: expect.stringContaining(
          "user.created (u-1) of mailer is given up after 3 attempts and kept as skein.dead.user.created: no such mailbox",
        ),
      });
      expect(heard.lost).toBe(1);
      const dead = await manager.streams.getMessage("EVENTS_DEAD", {
        last_by_subj: "skein.dead.user.created",
      });
      expect(dead.string()).toBe("{}");
      expect(dead.header.get("Skein-Event-Id")).toBe("u-1");
      expect(dead.header.get("Skein-Dead-Attempts")).toBe("3");
      expect(dead.header.get("Skein-Dead-Reason")).toBe("UTF-8''no%20such%20mailbox%3A%20Gr%C3%BC%C3%9Fe");
      expect(dead.header.get("tenant")).toBe("a");
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(heard.deliveries.length).toBe(3);
    });

    test("what nobody ever says anything of is given up too, after twice as many, without another attempt", async () => {
      const bus = desk.open("stream=EVENTS&maxDeliver=2&ackWait=500ms");
      await (await hear(bus, "user", { queue: "mailer" })).close();
      const [consumer] = await manager.consumers.list("EVENTS").next();
      await bus.publish(event("user", { id: "poison" }));
      const dying = await desk.plain.jetstream().consumers.get("EVENTS", consumer?.name ?? "");
      for (let attempt = 1; attempt <= 4; attempt++)
        expect((await dying.next({ expires: 5000 }))?.info.redeliveryCount).toBe(attempt);
      const heard = await hear(bus, "user", { queue: "mailer" });
      await until(() => heard.troubles.length > 0);
      expect(heard.troubles[0]?.message).toContain("user (poison) of mailer is given up after 4 attempts");
      expect(heard.deliveries).toEqual([]);
      expect((await manager.streams.info("EVENTS_DEAD")).state.messages).toBe(1);
    });

    test("what waits behind a slow handler is handled in the end, however often it was given back", async () => {
      const bus = desk.open("stream=EVENTS&maxDeliver=2&ackWait=500ms");
      const handle = ({ event: { id } }: BusDelivery): Promise<void> =>
        new Promise((resolve) => setTimeout(resolve, id === "a" ? 3000 : 0));
      const heard = await hear(bus, "user", { queue: "mailer", concurrency: 1, handle });
      for (const id of ["quick", "a", "b", "c"]) {
        await bus.publish(event("user", { id }));
        if (id === "quick") await until(() => heard.deliveries.length === 1);
      }
      await until(() => heard.deliveries.length + heard.troubles.length === 4);
      expect(heard.deliveries.map((one) => one.event.id).sort()).toEqual(["a", "b", "c", "quick"]);
      expect((await manager.streams.info("EVENTS_DEAD")).state.messages).toBe(0);
    });

    test("a process that stood still while its one event came is given it again", async () => {
      const bus = desk.open("stream=EVENTS&ackWait=500ms");
      const heard = await hear(bus, "user", { queue: "mailer", concurrency: 1 });
      await new Promise((resolve) => setTimeout(resolve, 200));
      desk.plain.publish("skein.events.user", "{}");
      await desk.plain.flush();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
      await until(() => heard.deliveries.length === 1);
    });

    test("the largest event that is taken can be given up too", async () => {
      const bus = desk.open("stream=EVENTS&maxDeliver=1&backoff=50ms");
      const handle = async (): Promise<void> => {
        throw new Error("no such mailbox");
      };
      const heard = await hear(bus, "user", { queue: "mailer", handle });
      const small = event("user");
      const room = 1024 * 1024 - headerBytes(headersOf(small));
      await bus.publish({ ...small, payload: Buffer.alloc(room) });
      await until(() => heard.troubles.length > 0);
      expect(heard.troubles[0]?.message).toContain(
        "is given up after 1 attempts and kept as skein.dead.user",
      );
      const dead = await manager.streams.getMessage("EVENTS_DEAD", { seq: 1 });
      expect([dead.header.get("Skein-Dead-Payload"), dead.data.length]).toEqual(["EVENTS 1", 0]);
    });

    test("a handler that takes longer than ackWait keeps its event", async () => {
      const bus = desk.open("stream=EVENTS&ackWait=3s");
      const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 7000));
      const heard = [
        await hear(bus, "user", { queue: "q", handle: slow }),
        await hear(desk.open("stream=EVENTS"), "user", { queue: "q", handle: slow }),
      ];
      await bus.publish(event("user"));
      await until(() => heard.some(({ deliveries }) => deliveries.length > 0));
      await new Promise((resolve) => setTimeout(resolve, 8000));
      expect(heard.flatMap(({ deliveries }) => deliveries).length).toBe(1);
    });

    test("a consumer that somebody deletes is made again, and nothing is lost", async () => {
      const bus = desk.open("stream=EVENTS");
      const heard = await hear(bus, "user", { queue: "mailer" });
      await bus.publish(event("user"));
      await until(() => heard.deliveries.length === 1);
      const [consumer] = await manager.consumers.list("EVENTS").next();
      await manager.consumers.delete("EVENTS", consumer?.name ?? "");
      const ids = [];
      for (let i = 0; i < 3; i++) {
        const one = event("user");
        ids.push(one.id);
        await bus.publish(one);
      }
      await until(() => heard.deliveries.length === 4);
      expect(heard.deliveries.slice(1).map(({ event: { id } }) => id)).toEqual(ids);
      expect(heard.troubles[0]?.message).toContain("what JetStream noted of this subscription is gone");
    });

    test("a server that begins anew: the streams and consumers are made again", async () => {
      const bus = desk.open("stream=EVENTS");
      const heard = [await hear(bus, "user", { queue: "mailer" }), await hear(bus, "user")];
      await bus.publish(event("user"));
      await until(() => heard.every(({ deliveries }) => deliveries.length === 1));
      await desk.server.kill();
      desk.server.wipe();
      await desk.server.start();
      const again = async (): Promise<boolean> =>
        bus.publish(event("user")).then(
          () => true,
          () => false,
        );
      await expect.poll(again, { timeout: 5000 }).toBe(true);
      await until(() => heard.every(({ deliveries }) => deliveries.length === 2));
    });

    test("what was fetched ahead of quick handlers and not begun goes to others at once", async () => {
      const bus = desk.open("stream=EVENTS");
      let slow: Promise<void> | undefined;
      let release: () => void = () => {};
      const handle = async (): Promise<void> => slow;
      const leaving = await hear(bus, "user", { queue: "mailer", concurrency: 1, handle });
      for (let i = 0; i < 20; i++) await bus.publish(event("user"));
      await until(() => leaving.deliveries.length === 20);
      slow = new Promise((resolve) => {
        release = resolve;
      });
      for (let i = 0; i < 10; i++) await bus.publish(event("user"));
      await until(() => leaving.deliveries.length === 21);
      await expect
        .poll(async () => {
          const [consumer] = await manager.consumers.list("EVENTS").next();
          return consumer?.num_ack_pending;
        })
        .toBe(10);
      const closing = leaving.close();
      const staying = await hear(bus, "user", { queue: "mailer" });
      await until(() => staying.deliveries.length === 9);
      release();
      await closing;
      expect(leaving.deliveries.length + staying.deliveries.length).toBe(30);
    });

    test("a subscription of one process outlives its server's restart, and gets what came meanwhile", async () => {
      const bus = desk.open("stream=EVENTS");
      const heard = await hear(bus, "user");
      await bus.publish(event("user"));
      await until(() => heard.deliveries.length === 1);
      await desk.server.kill();
      await desk.server.start();
      const other = await connect({ servers: desk.server.url });
      desk.undo.push(() => other.close());
      for (let i = 0; i < 3; i++) await other.jetstream().publish("skein.events.user");
      await until(() => heard.deliveries.length === 4);
      expect(heard.troubles).toEqual([]);
    });

    test("close() leaves no consumer of a process behind, and that of a queue", async () => {
      const bus = desk.open("stream=EVENTS");
      const heard = [await hear(bus, "user", { queue: "mailer" }), await hear(bus, "user")];
      await Promise.all(heard.map((one) => one.close()));
      const left = await manager.consumers.list("EVENTS").next();
      expect(left.map(({ name }) => name)).toEqual([expect.stringMatching(/^mailer-user-/)]);
    });
  });
});
