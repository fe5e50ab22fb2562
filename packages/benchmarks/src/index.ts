export { renderMarkdown } from "./markdown.ts";
export type { Absence, BenchResults, Measurement } from "./results.ts";
export { type RunOptions, runBench } from "./run.ts";
export { mergeResults, type Ratio, type Row, summarise } from "./summary.ts";
