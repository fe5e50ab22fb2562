/** Where and why a text is no JSON. */
export interface JsonFault {
  readonly offset: number;
  readonly expected: string;
}

/** Finds the first fault (RFC 8259), which JSON.parse names differently in each version of Node. Undefined: the text is JSON. */
export function findJsonFault(text: string): JsonFault | undefined {
  try {
    const reader = { text, at: 0 };
    readValue(reader);
    readSpace(reader);
    if (reader.at < text.length) return { offset: reader.at, expected: "the end" };
    return undefined;
  } catch (fault) {
    if (fault instanceof Fault) return { offset: fault.offset, expected: fault.message };
    throw fault;
  }
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

function readSpace(reader: Reader): void {
  while (/[ \t\r\n]/.test(reader.text[reader.at] ?? "")) reader.at++;
}

function readPattern(reader: Reader, pattern: RegExp): boolean {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return false;
  reader.at += found[0].length;
  return true;
}

const LITERAL = /(?:true|false|null)(?![\w$])/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const CHARACTERS = /(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

function readValue(reader: Reader): void {
  readSpace(reader);
  const first = reader.text[reader.at];
  if (first === "{") readMembers(reader, "}");
  else if (first === "[") readMembers(reader, "]");
  else if (first === '"') readString(reader);
  else if (!readPattern(reader, LITERAL) && !readPattern(reader, NUMBER))
    throw new Fault(reader.at, "a value");
}

function readString(reader: Reader): void {
  reader.at++;
  readPattern(reader, CHARACTERS);
  const next = reader.text[reader.at];
  if (next === "\\") throw new Fault(reader.at, 'an escape such as \\n, \\" or \\u0041');
  if (next !== '"') throw new Fault(reader.at, "a closing quote");
  reader.at++;
}

function readMembers(reader: Reader, close: "}" | "]"): void {
  reader.at++;
  readSpace(reader);
  if (reader.text[reader.at] === close) {
    reader.at++;
    return;
  }
  for (;;) {
    if (close === "}") readKey(reader);
    readValue(reader);
    readSpace(reader);
    const next = reader.text[reader.at];
    if (next !== "," && next !== close) throw new Fault(reader.at, `"," or "${close}"`);
    reader.at++;
    if (next === close) return;
  }
}

function readKey(reader: Reader): void {
  readSpace(reader);
  if (reader.text[reader.at] !== '"') throw new Fault(reader.at, "a name in double quotes");
  readString(reader);
  readSpace(reader);
  if (reader.text[reader.at] !== ":") throw new Fault(reader.at, '":"');
  reader.at++;
}
