import { type ProtoField, protoFields } from "./wire.ts";

/** A message of which single fields are looked at. */
export class ProtoMessage {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  fields(): readonly ProtoField[] {
    return [...protoFields(this.bytes, 0, this.bytes.length)];
  }

  all(number: number): readonly ProtoMessage[] {
    return this.fields()
      .filter(({ field, wire }) => field === number && wire === 2)
      .map(({ start, end }) => new ProtoMessage(this.bytes.subarray(start, end)));
  }

  /** The last one's, as protobuf has it; empty without one. */
  text(number: number): string {
    const last = this.all(number).at(-1);
    return last === undefined ? "" : Buffer.from(last.bytes).toString();
  }

  flag(number: number): boolean {
    return this.fields().some(({ field, wire, value }) => field === number && wire === 0 && value === 1);
  }
}
