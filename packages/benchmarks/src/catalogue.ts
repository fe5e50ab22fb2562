import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What has to be there before an adapter can run. */
export type Needs =
  /** Nothing: it comes with the workspace. */
  | { readonly kind: "own" }
  /** `npm install` in peers/FOLDER. */
  | { readonly kind: "npm"; readonly folder: string }
  /** An adapter of ours, called by the client of peers/FOLDER. */
  | { readonly kind: "door"; readonly folder: string }
  /** `go build` in peers/go. */
  | { readonly kind: "go"; readonly service: string };

export interface CatalogueEntry {
  readonly name: string;
  readonly about: string;
  readonly variants?: string;
  /** It speaks through a NATS server: always, or in the variant `nats`. */
  readonly nats?: "always" | "variant";
  readonly needs: Needs;
}

const npm = (folder: string): Needs => ({ kind: "npm", folder });
const door = (folder: string): Needs => ({ kind: "door", folder });

export const catalogue: readonly CatalogueEntry[] = [
  {
    name: "skein",
    about: "Skein with its defaults over TCP",
    variants: "context, interceptor, json, doors, nats",
    nats: "variant",
    needs: { kind: "own" },
  },
  {
    name: "raw-net",
    about: "the limit written by hand: node:net and msgpackr",
    variants: "[no-]zc, rec, onread, map, async, json, cork; flush=tick|micro|immediate|none; early=BYTES",
    needs: { kind: "own" },
  },
  {
    name: "nats-raw",
    about: "request/reply of npm nats and msgpackr",
    nats: "always",
    needs: { kind: "own" },
  },
  {
    name: "moleculer",
    about: "Moleculer 0.14 over its TCP transporter",
    variants: "nats",
    nats: "variant",
    needs: npm("moleculer"),
  },
  {
    name: "nest",
    about: "NestJS microservices over TCP",
    variants: "nats",
    nats: "variant",
    needs: npm("nest"),
  },
  { name: "grpc-js", about: "@grpc/grpc-js with protobufjs", needs: npm("grpc-js") },
  { name: "skein-grpc", about: "the client of grpc-js at Skein's door for gRPC", needs: door("grpc-js") },
  {
    name: "connect",
    about: "Connect for Node over HTTP/2",
    variants: "grpc (default), connect",
    needs: npm("connect"),
  },
  { name: "http", about: "fastify and JSON", variants: "undici (default), fetch", needs: npm("http") },
  { name: "skein-http", about: "undici at Skein's door for HTTP", needs: door("http") },
  { name: "trpc", about: "tRPC 11 over HTTP", variants: "link (default), batch", needs: npm("trpc") },
  { name: "go-netrpc", about: "Go's net/rpc (gob)", needs: { kind: "go", service: "netrpc" } },
  { name: "go-grpc", about: "grpc-go", needs: { kind: "go", service: "grpc" } },
];

/** Like for like with Skein's default: plain msgpack maps, and a batch that leaves at 4 KiB or at the end of the tick. */
export const BASE = "raw-net:no-rec,early=4096";

/** What runs unless --adapters says otherwise. */
export const defaultAdapters: readonly string[] = [
  BASE,
  "skein",
  "skein:doors",
  ...catalogue
    .filter(({ name, nats }) => name !== "skein" && name !== "raw-net" && nats !== "always")
    .map(({ name }) => name),
];

/** What `--nats` runs: all of them through one server. The first is the base. */
export const NATS_BASE = "nats-raw";
export const natsAdapters: readonly string[] = [NATS_BASE, "skein:nats", "moleculer:nats", "nest:nats"];

export const quickAdapters: readonly string[] = [BASE, "skein"];

/** An adapter and the variant of it that is measured: `name` or `name:variant`. */
export interface AdapterChoice {
  readonly id: string;
  readonly entry: CatalogueEntry;
  readonly variant: string;
}

export function chooseAdapter(id: string): AdapterChoice {
  const colon = id.indexOf(":");
  const name = colon < 0 ? id : id.slice(0, colon);
  const entry = catalogue.find((e) => e.name === name);
  if (!entry)
    throw new Error(`no adapter is named "${name}"; there are ${catalogue.map((e) => e.name).join(", ")}`);
  return { id, entry, variant: colon < 0 ? "" : id.slice(colon + 1) };
}

export const speaksNats = ({ entry, variant }: AdapterChoice): boolean =>
  entry.nats === "always" || (entry.nats === "variant" && variant.split(",").includes("nats"));

/** Commas separate both adapters and switches of a variant: only one in front of an adapter's name ends an adapter. */
export function splitAdapters(list: string): string[] {
  const names = catalogue.map((e) => e.name).join("|");
  return list
    .split(new RegExp(`[;\\s]+|,(?=(?:${names})(?:[:;,\\s]|$))`))
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

/** The package's own folder, from src/ and from dist/ alike. */
export const packageFolder = fileURLToPath(new URL("..", import.meta.url));

/** `.ts` when the harness runs from source (its tests do), `.js` when it runs from dist. */
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
export const runsFromSource = extension === ".ts";

export const loadProgram = (role: "server" | "client"): string =>
  fileURLToPath(new URL(`./load/${role}${extension}`, import.meta.url));

export const peerModule = (folder: string): URL => new URL(`../peers/${folder}/adapter.mjs`, import.meta.url);

export function adapterModule({ entry }: AdapterChoice): string {
  const url =
    entry.needs.kind === "npm"
      ? peerModule(entry.needs.folder)
      : new URL(`./adapters/${entry.name}${extension}`, import.meta.url);
  if (!existsSync(url)) throw new Error(`${fileURLToPath(url)} does not exist`);
  return url.href;
}
