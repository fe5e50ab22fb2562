import { connect, type Socket } from "node:net";

/** The bytes of a request as Go Micro's HTTP transport writes it: written from facts about it, not by it. */
export function goMicroRequest(endpoint: string, body: string, more: readonly string[] = []): string {
  return [
    "POST / HTTP/1.1",
    "Host: 127.0.0.1",
    "User-Agent: Go-http-client/1.1",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Accept: application/json",
    "Content-Type: application/json",
    `Micro-Endpoint: ${endpoint}`,
    "Micro-Id: 0",
    `Micro-Method: ${endpoint}`,
    "Micro-Service: greeter",
    "Timeout: 5000000000",
    ...more,
    "",
    body,
  ].join("\r\n");
}

export interface GoMicroAnswer {
  readonly head: string;
  /** By name in small letters; bytes as latin1, as they came. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A FAKE of Go Micro's client, written from what is known of it: one request a time on a connection, which goes back to a pool without a probe. */
export class FakeGoMicroClient {
  readonly #port: number;
  readonly #idle: Socket[] = [];
  readonly #all = new Set<Socket>();
  dialled = 0;

  constructor(port: number) {
    this.#port = port;
  }

  get idle(): number {
    return this.#idle.length;
  }

  call(endpoint: string, input: unknown, more: readonly string[] = []): Promise<GoMicroAnswer> {
    return this.send(goMicroRequest(endpoint, JSON.stringify(input), more));
  }

  send(bytes: string | Uint8Array): Promise<GoMicroAnswer> {
    const socket = this.#idle.pop() ?? this.#dial();
    return new Promise((resolve, reject) => {
      let text = "";
      const data = (chunk: Buffer): void => {
        text += chunk.toString("latin1");
        const answer = parse(text);
        if (answer === undefined) return;
        done();
        if (!/^connection: close/im.test(answer.head)) this.#idle.push(socket);
        resolve(answer);
      };
      const gone = (): void => {
        done();
        reject(new Error(`broken pipe after ${JSON.stringify(text)}`));
      };
      const done = (): void => void socket.off("data", data).off("close", gone);
      socket.on("data", data).on("close", gone);
      socket.write(bytes);
    });
  }

  #dial(): Socket {
    this.dialled++;
    const socket = connect(this.#port, "127.0.0.1");
    this.#all.add(socket);
    socket.on("error", () => {});
    return socket;
  }

  close(): void {
    for (const socket of this.#all) socket.destroy();
  }
}

function parse(text: string): GoMicroAnswer | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const headers = new Map(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
  );
  const body = text.slice(end + 4);
  return body.length < Number(headers.get("content-length")) ? undefined : { head, headers, body };
}
