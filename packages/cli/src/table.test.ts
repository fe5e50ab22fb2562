import { expect, test } from "vitest";
import { paintFor } from "./paint.ts";
import { type Column, formatTable } from "./table.ts";

interface Row {
  readonly name: string;
  readonly count: number;
}
const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", cell: (row) => row.name, style: () => "bold" },
  { title: "COUNT", cell: (row) => String(row.count), align: "right" },
  { title: "LAST", cell: () => "x" },
];
const ROWS = [
  { name: "user", count: 1 },
  { name: "line-items", count: 123_456 },
];
const write = () => Promise.resolve();

test("columns are aligned and nothing trails", () => {
  expect(formatTable(ROWS, COLUMNS, (_, text) => text)).toBe(
    "NAME         COUNT  LAST\nuser             1  x\nline-items  123456  x\n",
  );
});

test("colours do not count as width, and stay off where they are not wanted", () => {
  const terminal = { isTTY: true, write };
  const shown = formatTable(ROWS, COLUMNS, paintFor(terminal, {}));
  expect(shown).toContain("\x1b[1muser\x1b[22m             1  x");
  const plain = formatTable(ROWS, COLUMNS, (_, text) => text);
  for (const [output, env] of [
    [{ isTTY: false, write }, {}],
    [terminal, { NO_COLOR: "1" }],
    [terminal, { TERM: "dumb" }],
  ] as const)
    expect(formatTable(ROWS, COLUMNS, paintFor(output, env))).toBe(plain);
  expect(formatTable(ROWS, COLUMNS, paintFor(terminal, { NO_COLOR: "" }))).toBe(shown);
});

test("a cell cannot break its line or drive the terminal", () => {
  expect(formatTable([{ name: "a\nb\x1b[2J", count: 1 }], COLUMNS, (_, text) => text)).toBe(
    "NAME          COUNT  LAST\na b\\u001b[2J      1  x\n",
  );
});

test("no rows, no head", () => {
  expect(formatTable([], COLUMNS, (_, text) => text)).toBe("");
});
