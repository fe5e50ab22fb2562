import type { Instance } from "@skein/core";
import type { DnsRecord, Question, SrvData } from "../wire.ts";

/** An instance as one lease announces it. */
export interface Announcement {
  readonly instance: Instance;
  /** Tells announcements of different leases apart: a goodbye takes only those of its own. */
  readonly lease: string;
  /** Grows with each put: of several announcements of an instance the highest counts. */
  readonly written: number;
}

/** What is known of a name. */
export interface Found {
  readonly name: string;
  readonly txt: readonly Uint8Array[];
  readonly srv?: SrvData | undefined;
  /** Of the SRV's target. */
  readonly address?: string | undefined;
}

export type Read =
  | { readonly own: Announcement }
  | { readonly foreign: Instance }
  /** Why it is no record. */
  | { readonly fault: string }
  /** More has to be known: its SRV, or the address of that. */
  | { readonly lacks: "srv" | "address" };

/** How instances are DNS records. Several may be written, and are read, at once. */
export interface Layout {
  readonly name: LayoutName;
  /** Names of instances end with a dot and it; small letters. */
  readonly domain: string;
  /** Answered with everything of all instances of the service. */
  serviceQuestion(service: string): Question;
  /** Answered with what tells which services there are. */
  readonly listQuestion: Question;
  instanceName(service: string, id: string): string;
  /** With the TTL that they have at the most, s. Undefined for what others could not call. */
  records(announcement: Announcement): readonly DnsRecord[] | undefined;
  /** Why those who read its records cannot call an instance; undefined when they can. @default they can */
  readonly unfit?: ((instance: Instance) => string | undefined) | undefined;
  /** What answers listQuestion, beside the instances' own records. */
  listing(service: string): readonly DnsRecord[];
  /** The service that a PTR in an answer to listQuestion names. */
  listed(name: string, target: string): string | undefined;
  /** Whether a name that ends with the domain can be an instance's. */
  isInstance(name: string): boolean;
  read(found: Found): Read;
}

export const LAYOUTS = ["skein", "go-micro"] as const;
export type LayoutName = (typeof LAYOUTS)[number];
