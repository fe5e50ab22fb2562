/** The one service that every adapter serves. */

export type ReplySize = "small" | "300b" | "10k" | "900k" | "1m";

export interface UserRequest {
  readonly id: string;
  /** Size of the reply: about 120 or 300 bytes, 10 KB of small objects, or one text of 900 KiB or 1 MiB. */
  readonly kind: ReplySize;
}

export interface StreamRequest extends UserRequest {
  /** Messages that the server sends before it ends the stream. */
  readonly count: number;
}

export interface Item {
  readonly sku: string;
  readonly title: string;
  readonly qty: number;
  readonly price: number;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly tags: readonly string[];
  readonly items: readonly Item[];
  readonly text: string;
}

const person = { name: "Ada Lovelace", email: "ada.lovelace@example.org" };
const LETTERS = "abcdefghijklmnopqrstuvwxyz012345";
const tags = ["admin", "beta-tester", "europe-west"];

const replies: Record<ReplySize, Omit<User, "id">> = {
  small: { ...person, tags, items: [], text: "" },
  "300b": { ...person, tags, items: [], text: LETTERS.repeat(6) },
  "10k": {
    ...person,
    tags,
    items: Array.from({ length: 100 }, (_, i) => ({
      sku: `SKU-${100_000 + i}`,
      title: `Item number ${i} of the catalogue`,
      qty: i % 7,
      price: 1.25 * i + 0.99,
    })),
    text: "",
  },
  "900k": { ...person, tags: [], items: [], text: LETTERS.repeat(28_800) },
  "1m": { ...person, tags: [], items: [], text: LETTERS.repeat(32_768) },
};

/** A fresh object for each call, so that every adapter pays for encoding it; `id` comes back so that swapped replies show. */
export function getUser(request: UserRequest): User {
  const reply = replies[request.kind];
  return {
    id: request.id,
    name: reply.name,
    email: reply.email,
    tags: reply.tags,
    items: reply.items,
    text: reply.text,
  };
}
