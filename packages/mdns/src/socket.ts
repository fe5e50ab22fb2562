import { createSocket } from "node:dgram";
import { RpcError } from "@skein/core";
import multicastDns from "multicast-dns";
import { messageFrom } from "./packet.ts";
import type { DnsRecord, Message } from "./wire.ts";

/** Room for what comes in while we do other things, bytes; the system may give less. */
const RECEIVE_BYTES = 4 * 1024 * 1024;

export interface MdnsSocket {
  send(message: Message): Promise<void>;
  close(): Promise<void>;
}

export interface MdnsSocketOptions {
  /** The interface's address. */
  readonly address: string;
  readonly port: number;
  readonly received: (message: Message) => void;
  /** The socket broke, or something came in that is no message. */
  readonly warned: (error: Error) => void;
}

/** A socket on one interface. Rejects with UNAVAILABLE where it cannot take part in multicast. */
export async function openSocket({
  address,
  port,
  received,
  warned,
}: MdnsSocketOptions): Promise<MdnsSocket> {
  const socket = createSocket({ type: "udp4", reuseAddr: true, recvBufferSize: RECEIVE_BYTES });
  const mdns = multicastDns({ socket, port, interface: address, bind: "0.0.0.0", loopback: true });
  let closed = false;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: Error): void => {
      const because = `mDNS on ${address}, UDP port ${port}: ${cause.message}`;
      reject(new RpcError("UNAVAILABLE", because, { cause, executed: "no" }));
    };
    mdns.on("error", fail);
    // Without membership in the group the library only warns.
    mdns.once("warning", fail);
    mdns.once("ready", () => {
      mdns.removeListener("warning", fail);
      resolve();
    });
  }).catch((error: unknown) => {
    mdns.destroy();
    throw error;
  });
  mdns.on("error", warned);
  mdns.on("warning", warned);
  mdns.on("packet", (packet) => {
    if (!closed) received(messageFrom(packet));
  });
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        const done = (error?: Error | null): void => (error ? reject(error) : resolve());
        try {
          if (message.type === "query")
            mdns.query(
              { id: message.id, questions: message.questions.map((q) => ({ ...q })) } as never,
              done,
            );
          else mdns.respond({ answers: message.records.map(encodable) } as never, done);
        } catch (error) {
          reject(error);
        }
      }),
    close: () =>
      new Promise((resolve) => {
        closed = true;
        mdns.destroy(() => resolve());
      }),
  };
}

/** The library writes into what it is given. */
function encodable(record: DnsRecord): object {
  return record.type === "TXT" ? { ...record, data: record.data.map((s) => Buffer.from(s)) } : { ...record };
}
