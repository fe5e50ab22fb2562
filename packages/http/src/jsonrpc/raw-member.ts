const BLANKS = " \n\r\t";
const ENDS = " \n\r\t,}]";

/**
 * The text of an object's member as it was written: JSON.parse would round a number beyond 2^53. Of several of that name, the last.
 * @param json an object that JSON.parse has taken
 */
export function rawMember(json: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipBlanks(json, json.indexOf("{") + 1);
  while (json[at] === '"') {
    const keyEnd = stringEnd(json, at);
    const key = JSON.parse(json.slice(at, keyEnd)) as string;
    const from = skipBlanks(json, skipBlanks(json, keyEnd) + 1);
    const to = valueEnd(json, from);
    if (key === name) found = json.slice(from, to);
    at = skipBlanks(json, skipBlanks(json, to) + 1);
  }
  return found;
}

function valueEnd(json: string, from: number): number {
  if (json[from] === '"') return stringEnd(json, from);
  let at = from;
  if (json[from] !== "{" && json[from] !== "[") {
    while (at < json.length && !ENDS.includes(json[at] as string)) at++;
    return at;
  }
  for (let depth = 0; at < json.length; at++) {
    const c = json[at];
    if (c === '"') at = stringEnd(json, at) - 1;
    else if (c === "{" || c === "[") depth++;
    else if ((c === "}" || c === "]") && --depth === 0) return at + 1;
  }
  return at;
}

function stringEnd(json: string, from: number): number {
  for (let at = from + 1; ; at++) {
    at = json.indexOf('"', at);
    let slashes = 0;
    while (json[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

function skipBlanks(json: string, from: number): number {
  let at = from;
  while (at < json.length && BLANKS.includes(json[at] as string)) at++;
  return at;
}
