const rows: string[][] = [];

/** One line of the table that ends a run. */
export function row(fault: string, calls: number, failed: number, backMs: number, within: number): void {
  rows.push([
    fault,
    `${calls}`,
    `${failed}`,
    `${(backMs / 1000).toFixed(2)} s`,
    `${(within / 1000).toFixed(2)} s`,
  ]);
}

export function printTable(title: string): void {
  const head = ["fault", "calls", "failed", "all back after", "allowed"];
  const widths = head.map((name, n) => Math.max(name.length, ...rows.map((r) => (r[n] as string).length)));
  const line = (cells: string[]): string =>
    cells.map((cell, n) => cell.padEnd(widths[n] as number)).join("  ");
  console.log([`\n${title}`, line(head), ...rows.splice(0).map(line)].join("\n"));
}
