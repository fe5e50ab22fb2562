/** The little of protobuf's encoding that the door writes itself. */
export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];

  varint(value: number): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    bytes.push(rest);
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }

  /** An integer field, 0 to 2^53. */
  number(field: number, value: number): this {
    return this.varint(field << 3).varint(value);
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.varint((field << 3) | 1);
    this.#parts.push(bytes);
    return this;
  }

  /** A field of a text, of bytes, or of a message's bytes. */
  bytes(field: number, value: Uint8Array | string): this {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    this.varint((field << 3) | 2).varint(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** Fields as they are. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** One field of a message: `value` is a varint, or where its bytes begin and end. */
export interface ProtoField {
  readonly field: number;
  readonly wire: number;
  readonly value: number;
  readonly start: number;
  readonly end: number;
  /** Where its tag begins. */
  readonly from: number;
}

/**
 * The fields of the message in bytes[start, end), in their order.
 * @throws RangeError where it is none
 */
export function* protoFields(bytes: Uint8Array, start: number, end: number): Generator<ProtoField> {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = at < end ? bytes[at++] : undefined;
      if (byte === undefined || shift > 2 ** 63) throw new RangeError("a number is cut short");
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < end) {
    const from = at;
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    const value = wire === 0 || wire === 2 ? varint() : 0;
    const length = wire === 0 ? 0 : wire === 1 ? 8 : wire === 2 ? value : wire === 5 ? 4 : Number.NaN;
    const content = at;
    at += length;
    if (field === 0 || !(at <= end)) throw new RangeError(`field ${field} is cut short or of no known kind`);
    yield { field, wire, value, start: content, end: at, from };
  }
}
