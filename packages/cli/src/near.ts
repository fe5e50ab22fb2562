/** Names within a few edits of `wanted`, or that begin or end with it; the nearest first. */
export function nearNames(wanted: string, known: readonly string[], limit = 3): string[] {
  const target = wanted.toLowerCase();
  const allowed = Math.max(1, Math.floor(target.length / 3));
  return known
    .map((name) => ({ name, distance: distanceBetween(target, name.toLowerCase(), allowed) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map(({ name }) => name);
}

/** "; did you mean a or b?", "; there are: a, b", or nothing. */
export function suggestion(wanted: string, known: readonly string[]): string {
  const near = nearNames(wanted, known);
  if (near.length > 0) return `; did you mean ${near.join(" or ")}?`;
  const SHOWN = 8;
  if (known.length === 0) return "";
  const more = known.length > SHOWN ? ` and ${known.length - SHOWN} more` : "";
  return `; there ${known.length === 1 ? "is" : "are"}: ${known.slice(0, SHOWN).join(", ")}${more}`;
}

function distanceBetween(a: string, b: string, allowed: number): number {
  if (a.length >= 2 && (b.startsWith(a) || b.endsWith(a))) return Math.min(1, allowed);
  return Math.abs(a.length - b.length) > allowed ? Number.POSITIVE_INFINITY : editDistance(a, b);
}

/** Optimal string alignment: insertions, deletions, substitutions, and neighbours swapped (Damerau 1964). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
