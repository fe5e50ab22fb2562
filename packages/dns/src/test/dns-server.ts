import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Answer, DecodedPacket, Packet } from "dns-packet";
import * as dnsPacket from "dns-packet";

/** What is said of a name and type; a string is an error code; "silence" is no answer at all. */
export type Said = readonly Answer[] | "NXDOMAIN" | "SERVFAIL" | "REFUSED" | "FORMERR" | "silence";

const CODES = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly by: "udp" | "tcp";
  /** It takes large answers by UDP. */
  readonly edns: boolean;
}

/** A DNS server on loopback, on one port by UDP and by TCP. */
export class TestDnsServer {
  /** By `name type`. What is not there is NXDOMAIN, with `soa`. */
  readonly records = new Map<string, Said>();
  additionals: readonly Answer[] = [];
  soa: Answer | undefined;
  /** Answers by UDP are cut to nothing. */
  truncates = false;
  /** What comes instead of the answer: any bytes, any number of times. */
  instead: ((answer: Buffer, by: "udp" | "tcp", query: DecodedPacket) => readonly Buffer[]) | undefined;
  readonly asked: Asked[] = [];
  port = 0;
  readonly #udp = createSocket({
    type: "udp4",
    lookup: (host, _, found) => process.nextTick(found, null, host, 4),
  });
  readonly #tcp = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  /** @param port @default any */
  static async start(port = 0): Promise<TestDnsServer> {
    for (;;) {
      const server = new TestDnsServer();
      server.#tcp.listen(port, "127.0.0.1");
      await once(server.#tcp, "listening");
      server.port = (server.#tcp.address() as AddressInfo).port;
      server.#udp.bind(server.port, "127.0.0.1");
      try {
        await once(server.#udp, "listening");
      } catch (error) {
        server.#tcp.close();
        if (port !== 0) throw error;
        continue;
      }
      server.#udp.on("message", (bytes, from) => server.#answerUdp(bytes, from));
      return server;
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  say(name: string, type: string, said: Said): void {
    this.records.set(`${name} ${type}`, said);
  }

  #answerUdp(bytes: Buffer, from: RemoteInfo): void {
    for (const answer of this.#answers(bytes, "udp")) this.#udp.send(answer, from.port, from.address);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (bytes) => {
      for (const answer of this.#answers(bytes.subarray(2), "tcp")) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        // In two pieces, as a network may deliver it.
        socket.write(Buffer.concat([length, answer.subarray(0, 3)]));
        setImmediate(() => socket.write(answer.subarray(3)));
      }
    });
  }

  #answers(bytes: Buffer, by: "udp" | "tcp"): readonly Buffer[] {
    const query = dnsPacket.decode(bytes);
    const { name = "", type = "A" } = query.questions?.[0] ?? {};
    const edns = query.additionals?.some((a) => a.type === "OPT") === true;
    this.asked.push({ name, type, by, edns });
    const said = this.records.get(`${name.toLowerCase()} ${type}`) ?? this.#missing(name.toLowerCase());
    if (said === "silence") return [];
    const answer = this.#encode(query, said, by);
    return this.instead?.(answer, by, query) ?? [answer];
  }

  #missing(name: string): Said {
    return [...this.records.keys()].some((key) => key.startsWith(`${name} `)) ? [] : "NXDOMAIN";
  }

  #encode(query: DecodedPacket, said: Exclude<Said, "silence">, by: "udp" | "tcp"): Buffer {
    const answers = typeof said === "string" ? [] : [...said];
    const cut = by === "udp" && this.truncates;
    const code = typeof said === "string" ? CODES[said] : 0;
    const packet: Packet = {
      type: "response",
      id: query.id,
      flags: code | (cut ? dnsPacket.TRUNCATED_RESPONSE : 0),
      questions: query.questions,
      answers: cut ? [] : answers,
      authorities: answers.length === 0 && this.soa !== undefined ? [this.soa] : [],
      additionals: cut ? [] : [...this.additionals],
    };
    return dnsPacket.encode(packet);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => void this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => void this.#tcp.close(() => resolve())),
    ]);
  }
}

export const srv = (name: string, target: string, port: number, given: object = {}, ttl = 1): Answer => ({
  name,
  type: "SRV",
  ttl,
  class: "IN",
  data: { target, port, priority: 1, weight: 1, ...given },
});
export const a = (name: string, address: string, ttl = 1): Answer => ({
  name,
  type: "A",
  ttl,
  class: "IN",
  data: address,
});
export const aaaa = (name: string, address: string, ttl = 1): Answer =>
  ({ ...a(name, address, ttl), type: "AAAA" }) as Answer;
export const cname = (name: string, to: string, ttl = 1): Answer =>
  ({ ...a(name, to, ttl), type: "CNAME" }) as Answer;
export const soa = (name: string, minimum: number): Answer => ({
  name,
  type: "SOA",
  ttl: minimum,
  class: "IN",
  data: { mname: `ns.${name}`, rname: `root.${name}`, serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
