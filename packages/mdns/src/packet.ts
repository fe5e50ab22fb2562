import type { DnsRecord, Message, Question } from "./wire.ts";

/** What the library gives and takes, as far as we believe it. */
export interface Packet {
  readonly id?: unknown;
  readonly type?: unknown;
  readonly questions?: unknown;
  readonly answers?: unknown;
  readonly additionals?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** A packet that anybody may have sent, as a message; what is not understood is left out. */
export function messageFrom(packet: Packet): Message {
  if (packet.type === "query") {
    const questions = listOf(packet.questions).flatMap((q): Question[] =>
      typeof q.name === "string" && typeof q.type === "string" ? [{ name: q.name, type: q.type }] : [],
    );
    return { type: "query", id: typeof packet.id === "number" ? packet.id : 0, questions };
  }
  const all = [...listOf(packet.answers), ...listOf(packet.additionals)];
  return { type: "response", records: all.flatMap(recordFrom) };
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((v) => typeof v === "object" && v !== null) : [];
}

function recordFrom({ type, name, ttl, data, class: kind }: Fields): readonly DnsRecord[] {
  if (typeof name !== "string" || typeof ttl !== "number" || kind !== "IN") return [];
  switch (type) {
    case "PTR":
    case "A":
    case "AAAA":
      return typeof data === "string" ? [{ type, name, ttl, data }] : [];
    case "TXT": {
      const strings = Array.isArray(data) ? data : [data];
      return strings.every((s) => s instanceof Uint8Array) ? [{ type, name, ttl, data: strings }] : [];
    }
    case "SRV": {
      const { priority, weight, port, target } = (data ?? {}) as Fields;
      if (typeof port !== "number" || typeof target !== "string") return [];
      return [
        {
          type,
          name,
          ttl,
          data: { priority: Number(priority) || 0, weight: Number(weight) || 0, port, target },
        },
      ];
    }
    default:
      return [];
  }
}
