/** Semantic versions (semver.org 2.0) and npm's ranges over them: exact, ^, ~, x-ranges, comparators, hyphens, ||. */

interface Version {
  readonly core: readonly [number, number, number];
  /** Empty for a release. */
  readonly pre: readonly (string | number)[];
}
interface Bound {
  readonly operator: "<" | "<=" | ">" | ">=" | "=";
  readonly version: Version;
}
/** A version as a range writes it: `1.2`, `1.x`, `*`; undefined where it leaves the number open. */
interface Partial {
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly patch: number | undefined;
  readonly pre: readonly (string | number)[];
}

const NUMBER = "0|[1-9]\\d*";
const TAIL = "(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(?:\\+[0-9A-Za-z.-]+)?";
const PART = `(?:${NUMBER}|[xX*])`;
const VERSION = new RegExp(`^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})${TAIL}$`);
const COMPARATOR = new RegExp(`^(\\^|~>?|[<>]=?|=)?(${PART})(?:\\.(${PART})(?:\\.(${PART})${TAIL})?)?$`);
const OPERATORS = /[\^~<>=|*\s]/;
/** Below every release of its number. */
const LOWEST = [0] as const;
const NOTHING: Bound = { operator: "<", version: { core: [0, 0, 0], pre: LOWEST } };

/**
 * Compiles a range to a test of versions.
 * Whatever is no semantic version or range (`v1`, `2024-06`) is compared as a string; so is every version that is none.
 * `*` is any version, a pre-release too only where it is written in the range.
 * @throws TypeError when the range has operators and cannot be read
 */
export function compileRange(range: string): (version: string) => boolean {
  const text = range.trim();
  if (text === "" || text === "*") return (version) => test([[]], parseVersion(version)) ?? true;
  const sets = text.split("||").map((set) => readSet(set.trim()));
  if (sets.some((set) => set === undefined)) {
    if (OPERATORS.test(text))
      throw new TypeError(
        `version "${range}" is no range: write ^1, ~1.2, 1.x, >=1.2 <2, or an exact version like v1`,
      );
    return (version) => version === text;
  }
  return (version) => version === text || test(sets as Bound[][], parseVersion(version)) === true;
}

/** Undefined: it is not a semantic version. */
function test(sets: readonly (readonly Bound[])[], version: Version | undefined): boolean | undefined {
  return version === undefined ? undefined : sets.some((set) => within(set, version));
}

function within(set: readonly Bound[], version: Version): boolean {
  if (!set.every((bound) => holds(bound, version))) return false;
  // A pre-release is meant only where a bound names a pre-release of the same number.
  return (
    version.pre.length === 0 ||
    set.some((bound) => bound.version.pre.length > 0 && compareCore(bound.version.core, version.core) === 0)
  );
}

function holds({ operator, version: limit }: Bound, version: Version): boolean {
  const order = compare(version, limit);
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "=":
      return order === 0;
  }
}

function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  return { core: [Number(match[1]), Number(match[2]), Number(match[3])], pre: identifiers(match[4]) };
}

function identifiers(text: string | undefined): (string | number)[] {
  return text === undefined ? [] : text.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function compare(a: Version, b: Version): number {
  const order = compareCore(a.core, b.core);
  if (order !== 0) return order;
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let i = 0; i < Math.max(a.pre.length, b.pre.length); i++) {
    const one = compareIdentifiers(a.pre[i], b.pre[i]);
    if (one !== 0) return one;
  }
  return 0;
}

function compareCore(a: Version["core"], b: Version["core"]): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Fewer identifiers are lower, numbers lower than words. */
function compareIdentifiers(a: string | number | undefined, b: string | number | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === "number") return typeof b === "number" ? a - b : -1;
  return typeof b === "number" ? 1 : a < b ? -1 : a > b ? 1 : 0;
}

/** Undefined: it cannot be read. */
function readSet(text: string): Bound[] | undefined {
  const hyphen = /^(\S+)\s+-\s+(\S+)$/.exec(text);
  const tokens =
    hyphen === null
      ? text.replace(/(\^|~>?|[<>]=?|=)\s+/g, "$1").split(/\s+/)
      : [`>=${hyphen[1]}`, `<=${hyphen[2]}`];
  const bounds: Bound[] = [];
  for (const token of tokens) {
    const match = token === "" ? [] : COMPARATOR.exec(token);
    if (match === null) return undefined;
    const part = (at: number): number | undefined => {
      const value = match[at];
      return value === undefined || /^[xX*]$/.test(value) ? undefined : Number(value);
    };
    bounds.push(
      ...boundsOf(match[1] ?? "=", {
        major: part(2),
        minor: part(3),
        patch: part(4),
        pre: identifiers(match[5]),
      }),
    );
  }
  return bounds;
}

function boundsOf(operator: string, p: Partial): Bound[] {
  const { major, minor, patch } = p;
  if (major === undefined) return operator === "<" || operator === ">" ? [NOTHING] : [];
  const open = minor === undefined || patch === undefined;
  const from: Version = {
    core: [major, minor ?? 0, minor === undefined ? 0 : (patch ?? 0)],
    pre: open ? [] : p.pre,
  };
  const nextMajor = lowest(major + 1, 0, 0);
  /** Above everything that the partial version stands for. */
  const after = minor === undefined ? nextMajor : lowest(major, minor + 1, 0);
  switch (operator) {
    case "^":
      return between(from, caretEnd(major, minor, patch));
    case "~":
    case "~>":
      return between(from, after);
    case "=":
      return open ? between(from, after) : [{ operator: "=", version: from }];
    case ">":
      return open
        ? [{ operator: ">=", version: { core: after.core, pre: [] } }]
        : [{ operator, version: from }];
    case "<":
      return [{ operator, version: open ? { core: from.core, pre: LOWEST } : from }];
    case "<=":
      return [open ? { operator: "<", version: after } : { operator, version: from }];
    default:
      return [{ operator: ">=", version: from }];
  }
}

/** What may break begins at the first number that is not zero. */
function caretEnd(major: number, minor: number | undefined, patch: number | undefined): Version {
  if (major > 0 || minor === undefined) return lowest(major + 1, 0, 0);
  if (minor > 0 || patch === undefined) return lowest(0, minor + 1, 0);
  return lowest(0, 0, patch + 1);
}

function lowest(major: number, minor: number, patch: number): Version {
  return { core: [major, minor, patch], pre: LOWEST };
}

function between(from: Version, below: Version): Bound[] {
  return [
    { operator: ">=", version: from },
    { operator: "<", version: below },
  ];
}
