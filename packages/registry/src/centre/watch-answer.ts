import type { ServerResponse } from "node:http";
import type { Clock } from "@skein/core";
import { Refusal } from "./refusal.ts";
import { sendJson, sendRefusal } from "./send.ts";
import type { Watchers } from "./watchers.ts";

/** A comment in streams of events, so that both ends and what is between them see that the other is there. */
const STREAM_ALIVE_MS = 15_000;

export interface Watch {
  readonly namespace: string;
  readonly service: string;
  /** What the watcher knows; undefined: nothing. */
  readonly index: number | undefined;
}

/** A long poll: answers as soon as the index is another, or after `waitMs` with what was known. */
export function answerPoll(
  watchers: Watchers,
  clock: Clock,
  { namespace, service, index }: Watch,
  waitMs: number,
  response: ServerResponse,
): void {
  const answer = (): void => {
    end();
    if (watchers.closed) return sendRefusal(response, stopping());
    sendJson(response, 200, watchers.view(namespace, service).json);
  };
  const look = (): void => {
    if (watchers.closed || watchers.view(namespace, service).revision !== index) answer();
  };
  const stop = watchers.add(namespace, service, look);
  const timer = clock.setTimer(waitMs, answer);
  const end = (): void => {
    stop();
    timer.cancel();
  };
  response.once("close", end);
  look();
}

const stopping = (): Refusal =>
  new Refusal(503, "UNAVAILABLE", "the registry is stopping: ask again in a moment");

/** A stream of events, one a change; a slow reader gets the newest. */
export function streamEvents(
  watchers: Watchers,
  clock: Clock,
  { namespace, service, index }: Watch,
  response: ServerResponse,
): void {
  let told = index;
  let slow = false;
  const look = (): void => {
    if (watchers.closed) return void response.end();
    if (response.writableNeedDrain) return;
    slow = false;
    const { revision, json } = watchers.view(namespace, service);
    if (revision === told) return;
    told = revision;
    response.write(`event: service\nid: ${revision}\ndata: `);
    response.write(json);
    response.write("\n\n");
  };
  const alive = (): void => {
    // Whoever reads nothing for so long is gone, or might as well be.
    if (slow) return void response.destroy();
    slow = response.writableNeedDrain;
    if (!slow) response.write(": alive\n\n");
    timer = clock.setTimer(STREAM_ALIVE_MS, alive);
  };
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  let timer = clock.setTimer(STREAM_ALIVE_MS, alive);
  const stop = watchers.add(namespace, service, look);
  response.on("drain", look);
  response.once("close", () => {
    stop();
    timer.cancel();
  });
  look();
}
