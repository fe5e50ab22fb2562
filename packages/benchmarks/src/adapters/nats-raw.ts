/**
 * What npm nats does by itself: request/reply in a queue group, with msgpackr as in raw-net (plain maps). No deadline but the timer of a request, no
 * discovery, errors or draining; messages above the server's max_payload are refused. Streams: a message each, as many as a window allows.
 */
import { Packr } from "msgpackr";
import { connect as connectNats, createInbox, type NatsConnection } from "nats";
import type { AdapterClient, AdapterOptions } from "../load/adapter.ts";
import type { StreamRequest, User, UserRequest } from "../load/service.ts";

const TIMEOUT_MS = 30_000;
/** Messages of a stream that may be on their way. */
const WINDOW = 1024;
const packr = new Packr({ useRecords: false });

const subjectOf = (port: number, method: string): string => `bench${port}.${method}`;

export async function startServer({ port, nats = "", getUser }: AdapterOptions): Promise<void> {
  const connection = await connectNats({ servers: nats });
  connection.subscribe(subjectOf(port, "getUser"), {
    queue: "bench",
    callback: (error, message) => {
      if (error === null) message.respond(packr.pack(getUser(packr.unpack(message.data) as UserRequest)));
    },
  });
  connection.subscribe(subjectOf(port, "streamUsers"), {
    queue: "bench",
    callback: (error, message) => {
      if (error === null && message.reply !== undefined)
        serveStream(connection, message.reply, packr.unpack(message.data) as StreamRequest, getUser);
    },
  });
  await connection.flush();
}

/** Messages go to `to`, an empty one last; each answer there asks for half a window more, one without bytes for the end. */
function serveStream(
  connection: NatsConnection,
  to: string,
  request: StreamRequest,
  getUser: AdapterOptions["getUser"],
): void {
  let left = request.count;
  const asked = createInbox();
  const send = (count: number): void => {
    for (let i = 0; i < count && left > 0; i++, left--)
      connection.publish(to, packr.pack(getUser(request)), { reply: asked });
    if (left > 0) return;
    connection.publish(to);
    subscription.unsubscribe();
  };
  const subscription = connection.subscribe(asked, {
    callback: (_, message) => {
      if (message.data.length === 0) subscription.unsubscribe();
      else send(WINDOW / 2);
    },
  });
  send(WINDOW);
}

export async function connect({ port, nats = "" }: AdapterOptions): Promise<AdapterClient> {
  const connection = await connectNats({ servers: nats });
  const subject = subjectOf(port, "getUser");
  return {
    async call(request) {
      const reply = await connection.request(subject, packr.pack(request), { timeout: TIMEOUT_MS });
      return packr.unpack(reply.data) as User;
    },
    stream: (request) => readStream(connection, subjectOf(port, "streamUsers"), request),
    close: () => connection.close(),
  };
}

const MORE = new Uint8Array(1);

async function* readStream(
  connection: NatsConnection,
  subject: string,
  request: StreamRequest,
): AsyncGenerator<User> {
  const inbox = createInbox();
  const messages = connection.subscribe(inbox);
  connection.publish(subject, packr.pack(request), { reply: inbox });
  let asked: string | undefined;
  let read = 0;
  try {
    for await (const { data, reply } of messages) {
      if (data.length === 0) {
        asked = undefined;
        return;
      }
      asked = reply;
      yield packr.unpack(data) as User;
      if (++read % (WINDOW / 2) === 0 && reply !== undefined) connection.publish(reply, MORE);
    }
  } finally {
    messages.unsubscribe();
    if (asked !== undefined) connection.publish(asked);
  }
}
