import type { CliIo, Output } from "./io.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Paint = (style: Style, text: string) => string;

const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Colours on a terminal only, and not with NO_COLOR (no-color.org) or TERM=dumb. */
export function paintFor(output: Output, env: CliIo["env"]): Paint {
  const noColor = env.NO_COLOR !== undefined && env.NO_COLOR !== "";
  if (!output.isTTY || noColor || env.TERM === "dumb") return (_, text) => text;
  return (style, text) => {
    const [on, off] = CODES[style];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}
