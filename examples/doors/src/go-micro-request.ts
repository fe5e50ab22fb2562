import { connect } from "node:net";

/** What Go Micro's client sends over HTTP/1.1, byte by byte. */
const request = (host: string, body: string): string =>
  [
    "POST / HTTP/1.1",
    `Host: ${host}`,
    "User-Agent: Go-http-client/1.1",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Accept: application/json",
    "Content-Type: application/json",
    "Micro-Endpoint: User.GetUser",
    "Micro-Id: 0",
    "Micro-Method: User.GetUser",
    "Micro-Service: user",
    "Timeout: 5000000000",
    "",
    body,
  ].join("\r\n");

/** Go Micro itself is not here: its request is, and what it would read of the answer. */
export async function goMicroCall(host: string, input: unknown): Promise<unknown> {
  const { hostname, port } = new URL(`http://${host}`);
  const socket = connect(Number(port), hostname);
  try {
    socket.write(request(host, JSON.stringify(input)));
    let answer = "";
    for await (const bytes of socket) {
      answer += bytes;
      const length = /^content-length: (\d+)/im.exec(answer)?.[1];
      const end = answer.indexOf("\r\n\r\n");
      if (length === undefined || end < 0 || answer.length < end + 4 + Number(length)) continue;
      const error = /^micro-error: (.*)$/im.exec(answer)?.[1];
      if (error !== undefined) throw new Error(error);
      if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(answer.split("\r\n")[0]);
      return JSON.parse(answer.slice(end + 4));
    }
    throw new Error("the connection was closed without an answer");
  } finally {
    socket.destroy();
  }
}
