/** Where and why a text is no JSON. */
export interface JsonFault {
  readonly offset: number;
  readonly expected: string;
}

interface Reader {
  readonly text: string;
  at: number;
}

class Fault extends Error {
  readonly offset: number;

  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
  }
}

const SPACE = /[ \t\r\n]*/y;
const LITERAL = /(?:true|false|null)(?![\w$])/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const CHARACTERS = /(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){1,4096}/y;

/**
 * The first fault (RFC 8259), which JSON.parse names differently in each version of Node. Undefined: the text is JSON. Recursive: the depth of the
 * text is bounded before.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const reader = { text, at: 0 };
  try {
    readValue(reader);
    skip(reader, SPACE);
    return reader.at < text.length ? { offset: reader.at, expected: "the end" } : undefined;
  } catch (fault) {
    if (fault instanceof Fault) return { offset: fault.offset, expected: fault.message };
    throw fault;
  }
}

function skip(reader: Reader, pattern: RegExp): boolean {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return false;
  reader.at += found[0].length;
  return found[0] !== "";
}

function readValue(reader: Reader): void {
  skip(reader, SPACE);
  const first = reader.text[reader.at];
  if (first === "{") readMembers(reader, "}");
  else if (first === "[") readMembers(reader, "]");
  else if (first === '"') readString(reader);
  else if (!skip(reader, LITERAL) && !skip(reader, NUMBER)) throw new Fault(reader.at, "a value");
}

function readString(reader: Reader): void {
  reader.at++;
  while (skip(reader, CHARACTERS));
  const next = reader.text[reader.at];
  if (next === "\\") throw new Fault(reader.at, 'an escape such as \\n, \\" or \\u0041');
  if (next !== '"') throw new Fault(reader.at, "a closing quote");
  reader.at++;
}

function readMembers(reader: Reader, close: "}" | "]"): void {
  reader.at++;
  skip(reader, SPACE);
  if (reader.text[reader.at] === close) {
    reader.at++;
    return;
  }
  for (;;) {
    if (close === "}") readKey(reader);
    readValue(reader);
    skip(reader, SPACE);
    const next = reader.text[reader.at];
    if (next !== "," && next !== close) throw new Fault(reader.at, `"," or "${close}"`);
    reader.at++;
    if (next === close) return;
  }
}

function readKey(reader: Reader): void {
  skip(reader, SPACE);
  if (reader.text[reader.at] !== '"') throw new Fault(reader.at, "a name in double quotes");
  readString(reader);
  skip(reader, SPACE);
  if (reader.text[reader.at] !== ":") throw new Fault(reader.at, '":"');
  reader.at++;
}
