import { quantile } from "../statistics.ts";
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

/** As for whole calls: the median of the ratios within each turn, and their quartiles. */
function ratio(result: MicroResult, base: MicroResult): string {
  const ratios = result.slices.map((slice, turn) => slice / (base.slices[turn] ?? Number.NaN));
  const at = (share: number): string => quantile(ratios, share).toFixed(3);
  return `${at(0.5)} [${at(0.25)}–${at(0.75)}]`;
}

export function renderMicro(sections: readonly MicroSection[]): string {
  const parts = sections.map(({ title, about, base, results }) => {
    const reference = results.find((r) => r.name === base);
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
          ...(reference ? [ratio(r, reference)] : []),
          ...(withHeap ? [r.bytes === undefined ? "–" : String(r.bytes)] : []),
        ];
        return `| ${cells.join(" | ")} |`;
      }),
    ].join("\n");
  });
  return `${parts.join("\n\n")}\n`;
}
