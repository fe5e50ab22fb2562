/** Control characters (but line feed and tab) and those that turn the direction of text are shown, not obeyed: what services say must not drive the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) =>
    character === "\n" || character === "\t"
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Milliseconds in the unit a person would say: `0.41 ms`, `12 ms`, `3.2 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${trim(ms / 1000)} s`;
  return `${trim(ms)} ms`;
}

function trim(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(2)));
}

/** Time since, in its largest whole unit: `12s`, `3m`, `5h`, `2d`. */
export function formatAge(ms: number): string {
  if (!Number.isFinite(ms)) return "-";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** 1234567 → 1,234,567. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** "1 instance", "2 instances". */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
