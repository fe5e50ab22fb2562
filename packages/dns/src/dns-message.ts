import { randomInt } from "node:crypto";
import * as dnsPacket from "dns-packet";
import { foldName } from "./dns-name.ts";

export type RecordType = "A" | "AAAA" | "SRV";

/** What a message says, as far as it is of use here. */
export interface DnsMessage extends dnsPacket.DecodedPacket {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  readonly rcode: string;
}

/** A question, and how its answer is told from others. */
export interface DnsQuestion {
  readonly bytes: Buffer;
  /** The answer to this question; undefined for anything else: garbage, another's answer. */
  answerIn(bytes: Uint8Array): DnsMessage | undefined;
}

/** Most of what gets through everywhere unfragmented. */
const UDP_BYTES = 1232;
const OPT = {
  type: "OPT",
  name: ".",
  udpPayloadSize: UDP_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
} as const;

/** @param large says that answers over 512 bytes are taken by UDP (EDNS), which some servers do not understand */
export function question(name: string, type: RecordType, large: boolean): DnsQuestion {
  const id = randomInt(65_536);
  const bytes = dnsPacket.encode({
    type: "query",
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type, class: "IN" }],
    additionals: large ? [{ ...OPT, options: [] }] : [],
  });
  return {
    bytes,
    answerIn(received) {
      const message = decoded(received);
      if (message?.type !== "response" || message.id !== id || message.opcode !== "QUERY") return undefined;
      const [asked, ...more] = message.questions ?? [];
      const same = asked !== undefined && more.length === 0 && asked.type === type && asked.class === "IN";
      return same && foldName(asked.name) === foldName(name) ? message : undefined;
    },
  };
}

type Decoded = DnsMessage & { readonly opcode: string };

function decoded(bytes: Uint8Array): Decoded | undefined {
  try {
    return dnsPacket.decode(Buffer.from(bytes)) as Decoded;
  } catch {
    return undefined;
  }
}
