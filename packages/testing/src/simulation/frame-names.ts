/** By number, as docs/protocol.md has them. */
const NAMES = [
  "?",
  "HELLO",
  "CALL",
  "DATA",
  "RESULT",
  "ERROR",
  "CANCEL",
  "CREDIT",
  "PING",
  "PONG",
  "AUTH",
  "GOAWAY",
  "GOAWAY_ACK",
];

/** For traces: the frames of a batch, with the streams they belong to. */
export function frameNames(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = "";
  for (let at = 0; at + 16 <= bytes.length; ) {
    const stream = view.getUint32(at + 4, true);
    // Ids are slots, each used again and again.
    const which = stream === 0 ? "" : ` ${stream >>> 20}.${stream & 0xfffff}`;
    text += `${NAMES[bytes[at + 8] as number] ?? "?"}${which}, `;
    at += (view.getUint32(at, true) + 7) & ~7;
  }
  return `${text}${bytes.length} bytes`;
}
