import { On as coreOn, type OnFactory } from "@skein/core";
import type { Events } from "./events-map.ts";

/**
 * Marks a method of a @Service class as a handler of events: `@On("user.created")`, `@On("user.*", { queue: "audit" })`. It takes the payload and,
 * last, an optional EventContext. `*` stands for one word between dots, `>` at the end for one or more.
 *
 * Each event goes to one of the service's instances, to each with `{ broadcast: true }`, or to one of all that give the same `queue`. Handlers run
 * from when the service has started until it drains. A handler that fails is logged and counted (`app.events.report()`); a durable bus gives it the
 * event again. Several @On on one method are several subscriptions.
 * Works as a standard decorator and with `experimentalDecorators`. A decorator in a wrong place, and names that cannot be, are refused when the
 * class is served.
 * @throws TypeError without a name
 */
export const On: OnFactory<Events> = coreOn as unknown as OnFactory<Events>;
