import { Claims, FOREIGN, type SweepRules } from "./claims.ts";
import { sameCase } from "./records/labels.ts";
import type { Announcement, Layout } from "./records/layout.ts";
import type { DnsRecord, Question, SrvData } from "./wire.ts";

/** Nobody is believed for longer, however long a TTL is given, ms. */
const MOST_TTL_MS = 4_500_000;
/** Names that are known but not all of whose records came: how often, and when, they are asked for, ms. */
const LACKING_MS = 150;
const MOST_ASKED = 3;
const MOST_NAMES = 20_000;
const MOST_FAULTS = 1000;
const MOST_SHOWN = 200;

/** What is known of a name. */
interface Known {
  readonly layout: Layout;
  readonly name: string;
  txt?: readonly Uint8Array[];
  srv?: SrvData;
  /** Of the SRV's target. */
  address?: string;
  /** What it is, if anything: whoever said it without a lease ends by a goodbye without one. */
  said?: Announcement;
  lacks?: "all" | "srv" | "address";
  expiresAt: number;
  ttlMs: number;
  askAt: number;
  asked: number;
}

interface Listed {
  readonly layout: Layout;
  readonly service: string;
  readonly expiresAt: number;
}

/** What others say in answers, as instances. Pure: times are given, monotonic ms. */
export class Cache {
  readonly #layouts: readonly Layout[];
  readonly #claims: Claims;
  readonly #names = new Map<string, Known>();
  /** Of #names, those whose target's address is not known. */
  readonly #homeless = new Set<Known>();
  readonly #faults = new Map<string, { readonly why: string; readonly expiresAt: number }>();
  readonly #listed = new Map<string, Listed>();
  #revision = 0;

  /** @param changed called after each visible change of a service */
  constructor(layouts: readonly Layout[], changed: (service: string) => void) {
    this.#layouts = layouts;
    this.#claims = new Claims((service) => {
      this.#revision++;
      changed(service);
    });
  }

  /** Grows with each visible change. */
  get revision(): number {
    return this.#revision;
  }

  get instances(): Claims["instances"] {
    return this.#claims.instances.bind(this.#claims);
  }

  get services(): readonly string[] {
    return this.#claims.services;
  }

  /** Services that a listing named, whether or not anybody of them is known. */
  get listed(): readonly { readonly layout: Layout; readonly service: string }[] {
    return [...this.#listed.values()];
  }

  /** Names, and why what is said of them is no record. */
  get malformed(): ReadonlyMap<string, string> {
    return new Map([...this.#faults].map(([name, { why }]) => [name, why]));
  }

  /** What one message says: its answers and additional records. */
  take(records: readonly DnsRecord[], now: number): void {
    const touched = new Set<Known>();
    for (const record of records) this.#note(record, now, touched);
    for (const record of records)
      if ((record.type === "A" || record.type === "AAAA") && record.ttl > 0) this.#address(record, touched);
    for (const known of touched) this.#read(known, now);
  }

  #note(record: DnsRecord, now: number, touched: Set<Known>): void {
    switch (record.type) {
      case "PTR":
        return this.#pointer(record, now, touched);
      case "SRV":
      case "TXT": {
        const layout = this.#layoutOf(record.name);
        if (layout === undefined) return;
        if (record.ttl === 0) return this.#goodbye(layout, record, now);
        const known = this.#known(layout, record.name, now);
        if (known === undefined) return;
        if (record.type === "SRV") known.srv = record.data;
        else if (!sameStrings(known.txt, record.data)) {
          known.txt = record.data;
          delete known.said;
        }
        if (record.type === "TXT") known.ttlMs = Math.min(record.ttl * 1000, MOST_TTL_MS);
        known.expiresAt = now + Math.min(record.ttl * 1000, MOST_TTL_MS);
        touched.add(known);
        return;
      }
      default:
    }
  }

  #pointer(record: DnsRecord & { type: "PTR" }, now: number, touched: Set<Known>): void {
    const { name, data: target, ttl } = record;
    const ttlMs = Math.min(ttl * 1000, MOST_TTL_MS);
    for (const layout of this.#layouts) {
      const service = layout.listed(name, target);
      if (service !== undefined && ttl > 0 && this.#listed.size < MOST_NAMES)
        this.#listed.set(`${layout.name} ${service}`, { layout, service, expiresAt: now + ttlMs });
    }
    const layout = this.#layouts.find((l) => isOrEndsWith(name, l.domain));
    if (layout === undefined || layout.listed(name, target) !== undefined) return;
    if (this.#layoutOf(target) !== layout)
      return ttl > 0
        ? this.#fault(`${name} to ${target}`, "PTR leads to no instance", now + ttlMs)
        : undefined;
    if (ttl === 0) return this.#goodbye(layout, { ...record, name: target }, now);
    const known = this.#known(layout, target, now);
    if (known === undefined || known.txt !== undefined) return;
    known.lacks = "all";
    known.expiresAt = now + ttlMs;
    touched.add(known);
  }

  /** The layout of which a name can be an instance's. */
  #layoutOf(name: string): Layout | undefined {
    return this.#layouts.find((l) => sameCase(name).endsWith(`.${l.domain}`) && l.isInstance(name));
  }

  #known(layout: Layout, name: string, now: number): Known | undefined {
    const key = sameCase(name);
    const known = this.#names.get(key);
    if (known !== undefined || this.#names.size >= MOST_NAMES) return known;
    const made = { layout, name, expiresAt: now, ttlMs: 0, askAt: now + LACKING_MS, asked: 0 };
    this.#names.set(key, made);
    return made;
  }

  /** Of one of ours only TXT says which lease's record is gone; of others anything does. */
  #goodbye(layout: Layout, record: DnsRecord, now: number): void {
    const key = sameCase(record.name);
    const known = this.#names.get(key);
    if (record.type === "TXT") {
      const read = layout.read({ name: record.name, txt: record.data });
      if ("own" in read) {
        if (known?.said?.lease === read.own.lease) this.#names.delete(key);
        return this.#claims.goodbye(read.own, now);
      }
    }
    this.#faults.delete(shown(record.name));
    if (known?.said === undefined) return void this.#names.delete(key);
    if (known.said.lease !== FOREIGN) return;
    this.#names.delete(key);
    this.#claims.goodbye(known.said, now);
  }

  /** Addresses are kept only of those who are asked for. */
  #address({ name, data }: DnsRecord & { type: "A" | "AAAA" }, touched: Set<Known>): void {
    const host = sameCase(name);
    for (const known of new Set([...touched, ...this.#homeless])) {
      if (known.srv === undefined || sameCase(known.srv.target) !== host) continue;
      known.address = data;
      touched.add(known);
    }
  }

  #read(known: Known, now: number): void {
    const { layout, name, txt, srv, address, ttlMs } = known;
    if (txt === undefined) return;
    delete known.lacks;
    this.#homeless.delete(known);
    // Reading one of ours again would say the same.
    if (known.said !== undefined && known.said.lease !== FOREIGN) return this.#say(known, known.said, now);
    const read = layout.read({ name, txt, srv, address: address ?? ipOf(srv) });
    if ("fault" in read) return this.#fault(name, read.fault, now + ttlMs);
    this.#faults.delete(shown(name));
    if ("lacks" in read) {
      known.lacks = read.lacks;
      if (read.lacks === "address") this.#homeless.add(known);
    } else if ("own" in read) this.#say(known, read.own, now);
    else this.#say(known, { instance: read.foreign, lease: FOREIGN, written: 0 }, now);
  }

  #say(known: Known, said: Announcement, now: number): void {
    const { layout, name, ttlMs } = known;
    known.said = said;
    const { service } = said.instance;
    const question = said.lease === FOREIGN ? layout.serviceQuestion(service) : { name, type: "ANY" };
    this.#claims.add(said, { question, ttlMs, now });
  }

  #fault(name: string, why: string, expiresAt: number): void {
    if (this.#faults.size < MOST_FAULTS) this.#faults.set(shown(name), { why, expiresAt });
  }

  /** After silence: nobody ends before it had time to be heard again. */
  forgive(now: number): void {
    this.#claims.forgive(now);
  }

  /** Ends what is over, and says what is to be asked. @returns `nextAt`: when to come again, at the latest */
  sweep(now: number, rules: SweepRules): { readonly ask: readonly Question[]; readonly nextAt: number } {
    const { ask, nextAt } = this.#claims.sweep(now, rules);
    const asked = [...ask];
    let next = nextAt;
    for (const [key, known] of this.#names) {
      if (known.expiresAt <= now) {
        this.#names.delete(key);
        this.#homeless.delete(known);
      } else if (known.lacks !== undefined && known.asked < MOST_ASKED) {
        if (known.askAt <= now) {
          asked.push(this.#lacking(known));
          known.askAt = now + LACKING_MS * 2 ** ++known.asked;
        }
        next = Math.min(next, known.askAt);
      } else next = Math.min(next, known.expiresAt);
    }
    for (const [key, { expiresAt }] of this.#faults)
      if (expiresAt <= now) this.#faults.delete(key);
      else next = Math.min(next, expiresAt);
    for (const [key, { expiresAt }] of this.#listed)
      if (expiresAt <= now) this.#listed.delete(key);
      else next = Math.min(next, expiresAt);
    return { ask: asked, nextAt: next };
  }

  #lacking({ lacks, name, srv }: Known): Question {
    return lacks === "address" && srv !== undefined ? { name: srv.target, type: "A" } : { name, type: "ANY" };
  }
}

function isOrEndsWith(name: string, domain: string): boolean {
  const key = sameCase(name);
  return key === domain || key.endsWith(`.${domain}`);
}

/** Some give an address as a target. */
function ipOf(srv: SrvData | undefined): string | undefined {
  return srv !== undefined && /^\d+\.\d+\.\d+\.\d+$/.test(srv.target) ? srv.target : undefined;
}

const shown = (name: string): string => sameCase(name).slice(0, MOST_SHOWN);

function sameStrings(a: readonly Uint8Array[] | undefined, b: readonly Uint8Array[]): boolean {
  return (
    a !== undefined && a.length === b.length && a.every((s, n) => Buffer.compare(s, b[n] as Uint8Array) === 0)
  );
}
