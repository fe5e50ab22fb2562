import type { Invocation, Outcome } from "../interceptor.ts";
import { ItemQueue } from "../session/item-queue.ts";
import { promiseOf } from "./call-object.ts";
import { ClientCall } from "./client-call.ts";

/** Sends a call that gives one answer. */
export function startUnary(call: ClientCall): Promise<unknown> {
  const promise = promiseOf(call);
  start(call);
  return promise;
}

/** Sends a call that gives items; going away from them early cancels it, wherever it is. */
export function startStream(call: ClientCall): ItemQueue {
  const items = new ItemQueue();
  call.items = items;
  items.connect(call);
  start(call);
  return items;
}

function start(call: ClientCall): void {
  call.begun = true;
  call.target.stats.started++;
  const refused = call.link();
  if (refused === undefined) call.road.start(call);
  else call.end(refused);
}

/** What interceptors end in. They may call it more than once: each time is a call of its own. */
export function startIntercepted(invocation: Invocation): Outcome {
  if (!(invocation instanceof ClientCall))
    throw new TypeError(
      "an interceptor passed on another object than the call it was given: change its input and metadata in place",
    );
  const call: ClientCall = invocation.begun ? invocation.again() : invocation;
  call.now = call.road.clock.monotonic();
  return call.target.givesStream ? startStream(call) : startUnary(call);
}
