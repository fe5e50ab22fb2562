import type { MicroResult } from "./measure.ts";

/** A table of the micro-benchmarks. */
export interface MicroSection {
  readonly title: string;
  readonly about: string;
  /** What the others are compared with: the name of one of the results. */
  readonly base?: string;
  readonly results: readonly MicroResult[];
}

const nanoseconds = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

export function renderMicro(sections: readonly MicroSection[]): string {
  const parts = sections.map(({ title, about, base, results }) => {
    const reference = results.find((r) => r.name === base)?.nanoseconds;
    const withHeap = results.some((r) => r.bytes !== undefined);
    const titles = ["", "ns", ...(reference ? [`÷ ${base}`] : []), ...(withHeap ? ["bytes allocated"] : [])];
    return [
      `## ${title}`,
      about,
      "",
      `| ${titles.join(" | ")} |`,
      `|---${"|--:".repeat(titles.length - 1)}|`,
      ...results.map((r) => {
        const cells = [
          r.name,
          nanoseconds(r.nanoseconds),
          ...(reference ? [(r.nanoseconds / reference).toFixed(2)] : []),
          ...(withHeap ? [r.bytes === undefined ? "–" : String(r.bytes)] : []),
        ];
        return `| ${cells.join(" | ")} |`;
      }),
    ].join("\n");
  });
  return `${parts.join("\n\n")}\n`;
}
