import { Frame } from "../../protocol/frame.ts";
import { FrameWriter } from "../../protocol/frame-writer.ts";
import { plainJsonCodec } from "../../testing/json-codec.ts";
import type { Connection } from "../../transport.ts";
import { DEFAULT_LIMITS } from "../limits.ts";

/** A frame that came: type, stream, and for ERROR its code and outcome. */
export interface SeenFrame {
  readonly type: number;
  readonly stream: number;
  readonly method: number;
  readonly last: number;
  readonly bytes: number;
}

/** An end of a connection that sends whatever a test wants it to, and writes down what comes. */
export class BarePeer {
  readonly writer: FrameWriter;
  readonly seen: SeenFrame[] = [];
  closed = false;

  constructor(connection: Connection) {
    const frame = new Frame();
    connection.open({
      frame: (bytes, start, end) => {
        frame.read(bytes, start, end);
        const { type, stream, method, last } = frame;
        this.seen.push({ type, stream, method, last, bytes: end - start });
      },
      chunkEnd() {},
      closed: () => {
        this.closed = true;
      },
    });
    this.writer = new FrameWriter(connection, DEFAULT_LIMITS.maxMessageBytes);
    this.writer.codec = plainJsonCodec.create({ maxDepth: 64, maxValues: 500_000 });
  }

  of(type: number): SeenFrame[] {
    return this.seen.filter((f) => f.type === type);
  }
}
