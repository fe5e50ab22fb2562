import type { Paint, Style } from "./paint.ts";
import { printable } from "./text.ts";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** @default "left" */
  readonly align?: "left" | "right";
  readonly style?: (row: Row) => Style | undefined;
}

const GAP = "  ";

/** Aligned columns under their titles; each line ends with "\n". Empty without rows. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  paint: Paint,
): string {
  if (rows.length === 0) return "";
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row)).replaceAll("\n", " ")));
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const line = (texts: readonly string[], styles: readonly (Style | undefined)[]): string =>
    `${texts
      .map((text, at) => {
        const width = widths[at] ?? 0;
        const last = at === texts.length - 1;
        const space = " ".repeat(width - text.length);
        const style = styles[at];
        const shown = style === undefined ? text : paint(style, text);
        return columns[at]?.align === "right" ? space + shown : shown + (last ? "" : space);
      })
      .join(GAP)}\n`;
  const head = line(
    columns.map((column) => column.title),
    columns.map(() => "dim"),
  );
  const body = rows.map((row, at) =>
    line(
      cells[at] ?? [],
      columns.map((column) => column.style?.(row)),
    ),
  );
  return head + body.join("");
}
