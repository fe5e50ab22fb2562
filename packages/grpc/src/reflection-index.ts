import type { PackageDefinition } from "@grpc/proto-loader";
import { ProtoMessage } from "./proto-message.ts";
import { repairMaps } from "./repair-maps.ts";
import { ProtoWriter } from "./wire.ts";

/** What a FileDescriptorProto declares and refers to, and its bytes. */
interface ProtoFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly symbols: readonly string[];
  readonly services: readonly string[];
  /** Types, and where they are named. */
  readonly refers: readonly { readonly type: string; readonly scope: string }[];
}

/** Where reflection looks things up. */
export interface ReflectionIndex {
  readonly services: readonly string[];
  /** Each with its name and the files it needs before it, none of them twice. */
  fileOf(name: string): readonly Uint8Array[] | undefined;
  fileWith(symbol: string): readonly Uint8Array[] | undefined;
}

/**
 * @param definitions each a world of its own: a package may be in several of them
 * @param shown full names of the services to list
 */
export function indexProtos(
  definitions: readonly PackageDefinition[],
  shown: ReadonlySet<string>,
): ReflectionIndex {
  const files = new Map<string, Uint8Array[]>();
  const symbols = new Map<string, string>();
  const services = new Set<string>();
  for (const [world, definition] of definitions.entries()) {
    const read = filesOf(definition, world === 0 ? "" : `${world}/`);
    const declared = new Map(read.flatMap((file) => file.symbols.map((symbol) => [symbol, file])));
    const needs = new Map(read.map((file) => [file, needsOf(file, declared)]));
    const whole = new Map(read.map((file) => [file, withNeeds(file, [...(needs.get(file) ?? [])])]));
    for (const file of read) {
      files.set(
        file.name,
        closure(file, needs).map((f) => whole.get(f) as Uint8Array),
      );
      for (const symbol of file.symbols) if (!symbols.has(symbol)) symbols.set(symbol, file.name);
      for (const service of file.services) if (shown.has(service)) services.add(service);
    }
  }
  return {
    services: [...services].sort(),
    fileOf: (name) => files.get(name),
    fileWith: (symbol) => files.get(symbols.get(symbol) ?? ""),
  };
}

function needsOf(file: ProtoFile, declared: ReadonlyMap<string, ProtoFile>): ReadonlySet<ProtoFile> {
  const needs = new Set<ProtoFile>();
  for (const { type, scope } of file.refers) {
    const found = resolve(type, scope, declared);
    if (found !== undefined && found !== file) needs.add(found);
  }
  return needs;
}

/** `.a.b.T` is absolute; else it is looked for from the innermost scope outwards. */
function resolve<T>(type: string, scope: string, declared: ReadonlyMap<string, T>): T | undefined {
  if (type.startsWith(".")) return declared.get(type.slice(1));
  for (let space = scope; ; space = space.slice(0, Math.max(0, space.lastIndexOf(".")))) {
    const found = declared.get(join(space, type));
    if (found !== undefined || space === "") return found;
  }
}

/** Its own first. */
function closure(
  file: ProtoFile,
  needs: ReadonlyMap<ProtoFile, ReadonlySet<ProtoFile>>,
): readonly ProtoFile[] {
  const found = new Set([file]);
  for (const one of found) for (const need of needs.get(one) ?? []) found.add(need);
  return [...found];
}

/** proto-loader leaves out what a file imports, and names it after its package. What is appended to a message is merged with it. */
function withNeeds(file: ProtoFile, needs: readonly ProtoFile[]): Uint8Array {
  const more = new ProtoWriter().bytes(1, file.name);
  for (const need of needs) more.bytes(3, need.name);
  return Buffer.concat([file.bytes, more.finish()]);
}

function filesOf(definition: PackageDefinition, prefix: string): readonly ProtoFile[] {
  const files = new Map<string, ProtoFile>();
  for (const { fileDescriptorProtos } of Object.values(definition))
    if (Array.isArray(fileDescriptorProtos))
      for (const bytes of fileDescriptorProtos as readonly Buffer[]) {
        const file = readFile(bytes, prefix);
        if (!files.has(file.name)) files.set(file.name, file);
      }
  return [...files.values()];
}

/** Field numbers are descriptor.proto's. */
function readFile(given: Uint8Array, prefix: string): ProtoFile {
  const bytes = repairMaps(given);
  const symbols: string[] = [];
  const services: string[] = [];
  const refers: { type: string; scope: string }[] = [];
  const whole = new ProtoMessage(bytes);
  const space = whole.text(2);
  const visit = (message: ProtoMessage, outer: string): void => {
    const name = join(outer, message.text(1));
    symbols.push(name);
    for (const field of message.all(2)) refers.push({ type: field.text(6), scope: name });
    for (const nested of message.all(3)) visit(nested, name);
    for (const nested of message.all(4)) symbols.push(join(name, nested.text(1)));
  };
  for (const message of whole.all(4)) visit(message, space);
  for (const one of whole.all(5)) symbols.push(join(space, one.text(1)));
  for (const service of whole.all(6)) {
    const name = join(space, service.text(1));
    services.push(name);
    symbols.push(name);
    for (const method of service.all(2)) {
      symbols.push(join(name, method.text(1)));
      for (const side of [2, 3]) refers.push({ type: method.text(side), scope: space });
    }
  }
  return { name: prefix + whole.text(1), bytes, symbols, services, refers };
}

const join = (outer: string, name: string): string => (outer === "" ? name : `${outer}.${name}`);
