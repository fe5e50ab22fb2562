import { ProtoMessage } from "./proto-message.ts";
import { ProtoWriter } from "./wire.ts";

/**
 * A FileDescriptorProto whose map fields are what descriptor.proto asks for: protobufjs calls the entry of `tags` `Tags`, it must be `TagsEntry`, and
 * Go refuses the file otherwise.
 */
export function repairMaps(file: Uint8Array): Uint8Array {
  return rewrite(new ProtoMessage(file), (field, bytes) => (field === 4 ? repairMessage(bytes) : bytes));
}

/** Field numbers are DescriptorProto's: 2 its fields, 3 its nested types, and of these 7 the options with 7 map_entry. */
function repairMessage(bytes: Uint8Array): Uint8Array {
  const message = new ProtoMessage(bytes);
  const entries = new Set(
    message
      .all(3)
      .filter((nested) => nested.all(7).some((options) => options.flag(7)))
      .map((nested) => nested.text(1)),
  );
  const renamed = new Map(
    message
      .all(2)
      .filter((field) => entries.has(field.text(6)))
      .map((field) => [field.text(6), entryName(field.text(1))]),
  );
  return rewrite(message, (field, part) => {
    if (field === 3) {
      const nested = repairMessage(part);
      const name = renamed.get(new ProtoMessage(part).text(1));
      return name === undefined ? nested : append(nested, 1, name);
    }
    const name = field === 2 ? renamed.get(new ProtoMessage(part).text(6)) : undefined;
    return name === undefined ? part : append(part, 6, name);
  });
}

const entryName = (field: string): string => `${field.slice(0, 1).toUpperCase()}${field.slice(1)}Entry`;

/** Of a text that comes twice the last holds. */
function append(message: Uint8Array, field: number, text: string): Uint8Array {
  return new ProtoWriter().raw(message).bytes(field, text).finish();
}

/** The message with each field that has a length as `change` says. */
function rewrite(
  message: ProtoMessage,
  change: (field: number, bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const writer = new ProtoWriter();
  for (const { field, wire, from, start, end } of message.fields())
    if (wire === 2) writer.bytes(field, change(field, message.bytes.subarray(start, end)));
    else writer.raw(message.bytes.subarray(from, end));
  return writer.finish();
}
