import { CodecError, type CodecFactory } from "../codec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The plainest codec there is, for tests of what carries values and does not look at them. Not for hostile peers. */
export const plainJsonCodec: CodecFactory = {
  contentType: "application/json",
  create: () => ({
    contentType: "application/json",
    encodeInto(value, w) {
      let text: string | undefined;
      try {
        text = JSON.stringify(value);
      } catch (cause) {
        throw new CodecError("not JSON", { cause });
      }
      if (text === undefined) throw new CodecError(`a ${typeof value} is not JSON`);
      const bytes = encoder.encode(text);
      if (bytes.length > w.bytes.length - w.position) return bytes;
      w.bytes.set(bytes, w.position);
      w.position += bytes.length;
      return undefined;
    },
    decode(bytes, start, end) {
      try {
        return JSON.parse(decoder.decode(bytes.subarray(start, end))) as unknown;
      } catch (cause) {
        throw new CodecError("not JSON", { cause });
      }
    },
  }),
};
