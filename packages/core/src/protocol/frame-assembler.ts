import { copyBytes } from "./copy.ts";
import { type Frame, MORE, ProtocolError } from "./frame.ts";

/** Puts messages together that came in several frames. One at a time: its parts have nothing between them. */
export class FrameAssembler {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #stream = 0;
  #type = 0;

  /** @param maxBytes longest message, metadata included */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True: `frame` holds a whole message (its bytes replaced where it came in parts). False: more is to come. */
  complete(frame: Frame): boolean {
    const more = (frame.flags & MORE) !== 0;
    if (this.#parts.length === 0 && !more) return true;
    if (this.#parts.length > 0 && (frame.stream !== this.#stream || frame.type !== this.#type))
      throw new ProtocolError("a frame stands between the parts of a message");
    this.#bytes += frame.end - frame.start;
    if (this.#bytes > this.#maxBytes)
      throw new ProtocolError(`a message in parts is over ${this.#maxBytes} bytes`);
    this.#stream = frame.stream;
    this.#type = frame.type;
    this.#parts.push(copyBytes(frame.bytes, frame.start, frame.end));
    if (more) return false;
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#bytes = 0;
    frame.bytes = whole;
    frame.start = 0;
    frame.end = whole.length;
    return true;
  }
}
