/** DNS messages as far as a registry needs them. Names are without the last dot. */

export type DnsRecord =
  | { readonly type: "PTR"; readonly name: string; readonly ttl: number; readonly data: string }
  | {
      readonly type: "SRV";
      readonly name: string;
      readonly ttl: number;
      readonly flush?: boolean | undefined;
      readonly data: SrvData;
    }
  | {
      readonly type: "TXT";
      readonly name: string;
      readonly ttl: number;
      readonly flush?: boolean | undefined;
      readonly data: readonly Uint8Array[];
    }
  | {
      readonly type: "A" | "AAAA";
      readonly name: string;
      readonly ttl: number;
      readonly flush?: boolean | undefined;
      readonly data: string;
    };

export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface Question {
  readonly name: string;
  /** `PTR`, `SRV`, `TXT`, `A`, `ANY`, and whatever others ask for. */
  readonly type: string;
}

export type Message =
  | {
      readonly type: "query";
      /** Ours is heard again by ourselves: see Hearing. */
      readonly id: number;
      readonly questions: readonly Question[];
    }
  | { readonly type: "response"; readonly records: readonly DnsRecord[] };

/** A message that fits one Ethernet frame, bytes. */
export const AIM_BYTES = 1300;
/** What still goes into one UDP datagram, with some room, bytes. */
export const MOST_BYTES = 60_000;
/** In one TXT string. */
export const MOST_STRING_BYTES = 255;

const HEADER_BYTES = 12;
/** Type, class, TTL, length. */
const FIXED_BYTES = 10;
const ADDRESS_BYTES = { A: 4, AAAA: 16 } as const;

const nameBytes = (name: string): number => Buffer.byteLength(name) + 2;

function recordBytes(record: DnsRecord): number {
  const fixed = nameBytes(record.name) + FIXED_BYTES;
  switch (record.type) {
    case "PTR":
      return fixed + nameBytes(record.data);
    case "SRV":
      return fixed + 6 + nameBytes(record.data.target);
    case "TXT":
      return fixed + record.data.reduce((sum, text) => sum + 1 + text.length, 0);
    default:
      return fixed + ADDRESS_BYTES[record.type];
  }
}

/** As sent: names are not compressed. */
export function bytesOf(records: readonly DnsRecord[]): number {
  return records.reduce((sum, record) => sum + recordBytes(record), HEADER_BYTES);
}

/** Sets of records that stay together, as few messages as go; one that is over AIM_BYTES goes alone. */
export function responsesOf(sets: readonly (readonly DnsRecord[])[]): readonly Message[] {
  const messages: DnsRecord[][] = [];
  let room = 0;
  for (const set of sets) {
    const bytes = bytesOf(set) - HEADER_BYTES;
    if (bytes > room) {
      messages.push([]);
      room = AIM_BYTES - HEADER_BYTES;
    }
    messages.at(-1)?.push(...set);
    room -= bytes;
  }
  return messages.map((records) => ({ type: "response", records }));
}

/** As few messages as go. */
export function queriesOf(id: number, questions: readonly Question[]): readonly Message[] {
  const messages: Question[][] = [];
  let room = 0;
  for (const question of questions) {
    const bytes = nameBytes(question.name) + 4;
    if (bytes > room) {
      messages.push([]);
      room = AIM_BYTES - HEADER_BYTES;
    }
    messages.at(-1)?.push(question);
    room -= bytes;
  }
  return messages.map((list) => ({ type: "query", id, questions: list }));
}
