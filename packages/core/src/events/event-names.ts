/** Tokens are tokens of NATS subjects, and nothing in them is special anywhere: no `$`, as the server's own begin with it. */
const TOKEN = /^[A-Za-z0-9_-]+$/;
const MOST = 200;
const MOST_QUEUE = 128;
const FORM = `up to ${MOST} characters: letters, digits, "_" and "-", with dots between, as in "user.created"`;

/** Undefined, or what is wrong with the name of an event and what would be right. */
export function eventNameFault(name: unknown): string | undefined {
  return isName(name, MOST) ? undefined : `${quote(name)} cannot be an event's name: use ${FORM}`;
}

/** As eventNameFault, for what is subscribed to: `*` stands for one token, `>` at the end for one or more. */
export function eventPatternFault(pattern: unknown): string | undefined {
  if (typeof pattern === "string" && pattern.length <= MOST) {
    const tokens = pattern.split(".");
    if (tokens.at(-1) === ">") tokens.pop();
    if (tokens.every((token) => token === "*" || TOKEN.test(token))) return undefined;
  }
  return `${quote(pattern)} cannot be subscribed to: use ${FORM}; "*" stands for one word between dots, ">" at the end for one or more`;
}

/** Undefined, or what is wrong with the name of a queue. */
export function eventQueueFault(queue: unknown): string | undefined {
  return isName(queue, MOST_QUEUE)
    ? undefined
    : `${quote(queue)} cannot be a queue's name: use up to ${MOST_QUEUE} characters: letters, digits, "_", "-" and dots between them, as in "mailer"`;
}

/** Whether a pattern takes an event of this name. Both are valid. */
export function takesEvent(pattern: string, name: string): boolean {
  return pattern === name || covers(pattern.split("."), name.split("."));
}

function covers(pattern: readonly string[], name: readonly string[]): boolean {
  const open = pattern.at(-1) === ">";
  if (open ? name.length < pattern.length : name.length !== pattern.length) return false;
  return pattern.every(
    (token, i) => token === "*" || token === name[i] || (open && i === pattern.length - 1),
  );
}

function isName(name: unknown, most: number): name is string {
  return (
    typeof name === "string" && name.length <= most && name.split(".").every((token) => TOKEN.test(token))
  );
}

function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
