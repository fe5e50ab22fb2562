const text = (n: number): string => "abcdefgh".repeat(Math.ceil(n / 8)).slice(0, n);
const around = (n: number): number[] => [n - 1, n, n + 1];

const numbers = [
  0,
  1,
  -1,
  ...[5, 7, 8, 15, 16, 31, 32, 53].flatMap((bits) => around(2 ** bits)),
  ...[5, 7, 8, 15, 16, 31, 32, 53].flatMap((bits) => around(-(2 ** bits))),
  0.1,
  -1.5,
  1e300,
  5e-324,
  Number.MAX_VALUE,
];
const strings = [
  ...[0, 1, 7, 8, 15, 16, 17, 31, 32, 63, 64, 255, 256, 65_535, 65_536].map(text),
  "é",
  "aé".repeat(20),
  "日本語".repeat(30),
  "🐦".repeat(25),
  'quote " backslash \\ newline \n nul \0',
  "\ufeffbyte order mark",
];
const arrays = [0, 1, 15, 16, 17, 65_535, 65_536].map((n) => Array.from({ length: n }, (_, i) => i % 200));
const objects = [0, 1, 15, 16, 17, 70_000].map((n) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`key${i}`, i % 7 === 0 ? null : i])),
);

/** What every codec carries. */
export const everyday: readonly unknown[] = [
  null,
  true,
  false,
  ...numbers,
  ...strings,
  ...arrays,
  ...objects,
  [[[[["deep"]]]]],
  { id: "42", name: "Ada", roles: ["admin", "user"], address: { street: null, number: 12 }, active: true },
  { "": 1, "a key with spaces and ünïcode": 2, [text(40)]: 3, [text(300)]: 4, "12": 5 },
  { constructor: 1, prototype: { constructor: "x" }, toString: 2, hasOwnProperty: 3 },
  { toJSON: 4, valueOf: null },
];

/** A message of each kind, short enough to be cut at every byte. */
export const samples: readonly unknown[] = [
  { id: "u-000042", kind: "small", n: 12_345, ratio: 0.25 },
  [1, -2, 300, 70_000, "é", true, null, { a: { b: [{}] } }],
  { items: Array.from({ length: 4 }, (_, i) => ({ id: i, name: `user number ${i}`, tags: ["a", "b"] })) },
];
