/** Text with the service added to its import lines and to the array `services`, or undefined where it has no such array. */
export function addService(text: string, className: string, modulePath: string): string | undefined {
  const array = findArray(text);
  if (array === undefined) return undefined;
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  return addImport(
    addItem(text, array, `new ${className}()`, end),
    `import { ${className} } from "${modulePath}";`,
    end,
  );
}

interface ArrayPlace {
  /** After "[". */
  readonly start: number;
  /** Of "]". */
  readonly close: number;
  /** Of the last character that is neither space nor comment; undefined when the array is empty. */
  readonly last: number | undefined;
}

function findArray(text: string): ArrayPlace | undefined {
  const declaration = /^export\s+const\s+services\b[^=]*=\s*\[/m.exec(text);
  if (declaration === null) return undefined;
  const start = declaration.index + declaration[0].length;
  let depth = 1;
  let last: number | undefined;
  for (let at = start; at < text.length; at++) {
    const skipped = skip(text, at);
    if (skipped !== undefined) {
      if (skipped.significant) last = skipped.end - 1;
      at = skipped.end - 1;
      continue;
    }
    const character = text[at] ?? "";
    if ("[{(".includes(character)) depth++;
    if ("]})".includes(character) && --depth === 0) return { start, close: at, last };
    if (!/\s/.test(character)) last = at;
  }
  return undefined;
}

/** A comment or a string that begins here. */
function skip(text: string, at: number): { end: number; significant: boolean } | undefined {
  const until = (mark: string, from: number): number => {
    const found = text.indexOf(mark, from);
    return found < 0 ? text.length : found + mark.length;
  };
  if (text.startsWith("//", at)) return { end: until("\n", at) - 1, significant: false };
  if (text.startsWith("/*", at)) return { end: until("*/", at + 2), significant: false };
  const quote = text[at];
  if (quote !== '"' && quote !== "'" && quote !== "`") return undefined;
  let end = at + 1;
  while (end < text.length && text[end] !== quote) end += text[end] === "\\" ? 2 : 1;
  return { end: end + 1, significant: true };
}

function addItem(text: string, { start, close, last }: ArrayPlace, item: string, end: string): string {
  if (last === undefined) {
    const comment = text.slice(start, close).trimEnd();
    const inside = comment === "" ? item : `${comment}${end}  ${item},${end}`;
    return `${text.slice(0, start)}${inside}${text.slice(close)}`;
  }
  const comma = text[last] === "," ? "" : ",";
  const before = `${text.slice(0, last + 1)}${comma}`;
  const rest = text.slice(last + 1, close);
  const closingLine = text.lastIndexOf("\n", close) + 1;
  if (closingLine <= last || !/^\s*$/.test(text.slice(closingLine, close)))
    return `${before}${rest.trimEnd()} ${item}${text.slice(close)}`;
  const indent = /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", last) + 1))?.[0] ?? "  ";
  const kept = rest.slice(0, rest.length - (close - closingLine));
  return `${before}${kept}${indent}${item},${end}${text.slice(closingLine)}`;
}

function addImport(text: string, line: string, end: string): string {
  const statements = [...text.matchAll(/^import\s[^;]*?["'][^"'\n]+["'];?[ \t]*(?=\r?$)/gm)];
  const lastOne = statements.at(-1);
  if (lastOne === undefined) return `${line}${end}${end}${text}`;
  const at = lastOne.index + lastOne[0].length;
  return `${text.slice(0, at)}${end}${line}${text.slice(at)}`;
}
