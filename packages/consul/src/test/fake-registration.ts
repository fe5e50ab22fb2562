/** What the fake agent understands of a registration: see fake-consul.ts. */
export interface FakeService {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly Passing: number; readonly Warning: number };
  readonly check: FakeCheckType | undefined;
}

export interface FakeCheckType {
  readonly ttlMs: number | undefined;
  readonly http: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Undefined: critical. */
  readonly status: string | undefined;
  /** Undefined: never. */
  readonly deregisterMs: number | undefined;
}

/** Answered with 400. */
export class FakeRefusal extends Error {}

const STATUSES = ["passing", "warning", "critical"];
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's time.ParseDuration, without what is shorter than a millisecond. */
export function goDuration(value: unknown, what: string): number {
  const parts =
    typeof value === "string" && /^(\d+(\.\d+)?(ms|s|m|h))+$/.test(value) ? value.match(/[\d.]+[a-z]+/g) : [];
  if (parts === null || parts.length === 0) throw new FakeRefusal(`${what}: invalid duration ${value}`);
  return parts.reduce(
    (sum, part) => sum + Number.parseFloat(part) * (UNITS[part.replace(/[\d.]+/, "")] as number),
    0,
  );
}

/** Throws FakeRefusal as Consul refuses; fields it does not know as well, which Consul lets pass: none of ours may be misspelt. */
export function fakeService(body: unknown): FakeService {
  const o = fields(body, ["ID", "Name", "Address", "Port", "Tags", "Meta", "Weights", "Check"], "service");
  const { Name: name, ID: id = name, Address: address = "", Port: port = 0, Tags: tags = [] } = o;
  if (typeof name !== "string" || name === "") throw new FakeRefusal("Missing service name");
  if (typeof id !== "string" || id === "") throw new FakeRefusal("ID is no text");
  if (typeof address !== "string") throw new FakeRefusal("Address is no text");
  if (["0.0.0.0", "::", "[::]"].includes(address)) throw new FakeRefusal("Invalid service address");
  if (!Number.isInteger(port) || (port as number) < 0 || (port as number) > 65_535)
    throw new FakeRefusal("Port is none");
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== "string"))
    throw new FakeRefusal("Tags are none");
  const check = o.Check === undefined ? undefined : checkType(o.Check);
  return {
    id,
    name,
    address,
    port: port as number,
    tags,
    meta: metaOf(o.Meta),
    weights: weightsOf(o.Weights),
    check,
  };
}

function fields(value: unknown, known: readonly string[], what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FakeRefusal(`Request decode failed: ${what} is no object`);
  for (const key of Object.keys(value))
    if (!known.includes(key))
      throw new FakeRefusal(`Request decode failed: ${what} has an unknown field ${key}`);
  return value as Record<string, unknown>;
}

function metaOf(value: unknown = {}): Readonly<Record<string, string>> {
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length > 64) throw new FakeRefusal("Invalid Service Meta: more than 64 pairs");
  for (const [key, text] of entries) {
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(key) || key.startsWith("consul-"))
      throw new FakeRefusal(`Invalid Service Meta: key '${key}'`);
    if (typeof text !== "string" || Buffer.byteLength(text) > 512)
      throw new FakeRefusal(`Invalid Service Meta: value of '${key}' is longer than 512`);
  }
  return value as Record<string, string>;
}

function weightsOf(value: unknown): FakeService["weights"] {
  const { Passing = 1, Warning = 1 } = fields(value ?? {}, ["Passing", "Warning"], "Weights");
  const sound = (n: unknown, least: number): boolean =>
    Number.isInteger(n) && (n as number) >= least && (n as number) <= 65_535;
  if (!sound(Passing, 1) || !sound(Warning, 0)) throw new FakeRefusal("Invalid Weights");
  return { Passing: Passing as number, Warning: Warning as number };
}

const CHECK = ["TTL", "HTTP", "Interval", "Timeout", "Status", "DeregisterCriticalServiceAfter"];

function checkType(value: unknown): FakeCheckType {
  const o = fields(value, CHECK, "Check");
  const ms = (key: string): number | undefined =>
    o[key] === undefined ? undefined : goDuration(o[key], key);
  const [ttlMs, intervalMs, timeoutMs] = [ms("TTL"), ms("Interval"), ms("Timeout")];
  if ((ttlMs === undefined) === (o.HTTP === undefined))
    throw new FakeRefusal("Invalid check: either TTL, or HTTP and Interval must be given");
  if (o.HTTP !== undefined && intervalMs === undefined)
    throw new FakeRefusal("Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks");
  if (o.Status !== undefined && !STATUSES.includes(o.Status as string))
    throw new FakeRefusal("Status for checks must 'passing', 'warning', 'critical'");
  return {
    ttlMs,
    http: o.HTTP as string | undefined,
    // Consul's least.
    intervalMs: Math.max(1000, intervalMs ?? 0),
    timeoutMs: timeoutMs ?? 10_000,
    status: o.Status as string | undefined,
    deregisterMs: ms("DeregisterCriticalServiceAfter"),
  };
}
