/** Levenshtein's distance, given up above `most`. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] as number) + 1,
        (next[j - 1] as number) + 1,
        (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[b.length] as number;
}

/** Up to three of `names` that somebody may have meant by `name`, the nearest first. */
export function nearNames(name: string, names: Iterable<string>): string[] {
  const most = Math.max(2, Math.floor(name.length / 3));
  const lower = name.toLowerCase();
  return [...names]
    .map((candidate) => ({
      candidate,
      far: candidate.toLowerCase().includes(lower) ? 1 : distance(lower, candidate.toLowerCase(), most),
    }))
    .filter(({ far }) => far <= most)
    .sort((a, b) => a.far - b.far || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** At most so many names are listed. */
const MOST_LISTED = 8;

/** `; did you mean a or b?`, else `; there are …`, or nothing where there is nothing. Built-in names (`$…`) are not offered. */
export function suggestion(name: string, names: Iterable<string>): string {
  const known = [...names].filter((candidate) => !candidate.startsWith("$"));
  const near = nearNames(name, known);
  if (near.length > 0) return `; did you mean ${near.join(" or ")}?`;
  if (known.length === 0) return "";
  const more = known.length > MOST_LISTED ? ` and ${known.length - MOST_LISTED} more` : "";
  return `; there ${known.length === 1 ? "is" : "are"} ${known.slice(0, MOST_LISTED).join(", ")}${more}`;
}
