import {
  createEvents,
  defineEvents,
  type EventContext,
  type EventsClient,
  type EventsOf,
  On,
  Service,
  serve,
} from "skein";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const Shipped = defineEvents({ "type-tested.shipped": z.object({ at: z.string().transform(Number) }) });

declare module "skein" {
  interface Events extends EventsOf<typeof Shipped> {
    "type-tested.placed": { readonly order: string };
    "type-tested.cleared": undefined;
  }
}

test("a declared event is typed by its name alone", () => {
  expectTypeOf(createEvents).returns.toEqualTypeOf<EventsClient>();
  const use = async (events: EventsClient): Promise<void> => {
    await events.publish("type-tested.placed", { order: "1" }, { id: "1" });
    await events.publish("type-tested.cleared");
    await events.publish("type-tested.shipped", { at: "5" });
    await events.publish(Shipped["type-tested.shipped"], { at: "5" });
    await events.subscribe("type-tested.placed", (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<{ readonly order: string }>();
      expectTypeOf(ctx).toEqualTypeOf<EventContext>();
    });
    await events.subscribe(Shipped["type-tested.shipped"], ({ at }) => {
      expectTypeOf(at).toEqualTypeOf<number>();
    });
    await events.subscribe("type-tested.*", (payload) => {
      expectTypeOf(payload).toEqualTypeOf<{ readonly order: string } | { at: string } | undefined>();
    });
    // @ts-expect-error no such event
    await events.publish("type-tested.plaecd", { order: "1" });
    // @ts-expect-error another payload
    await events.publish("type-tested.placed", { order: 1 });
    // @ts-expect-error no payload
    await events.publish("type-tested.placed");
    // @ts-expect-error a pattern cannot be published
    await events.publish("type-tested.*", { order: "1" });
    // @ts-expect-error what its schema takes is a string
    await events.publish(Shipped["type-tested.shipped"], { at: 5 });
    // @ts-expect-error no such event
    await events.subscribe("type-tested.plaecd", () => {});
  };
  expectTypeOf(use).toBeFunction();
});

test("a service of handlers alone is served, and may be typed by names", () => {
  @Service("type-tested-mail")
  class Mail {
    @On("type-tested.placed", { queue: "mailer" }) placed({ order }: { order: string }): void {
      void order;
    }
    @On(Shipped["type-tested.shipped"]) shipped({ at }: { at: number }, ctx: EventContext): void {
      void [at, ctx];
    }
    // @ts-expect-error no such event
    @On("type-tested.plaecd") typo(): void {}
    // @ts-expect-error another payload
    @On("type-tested.placed") other(_: { order: number }): void {}
  }
  const use = () => serve(new Mail(), { events: "memory:" });
  expectTypeOf(use).toBeFunction();
});
