/**
 * A frame: u32 payload length, u32 id, u8 type, u8 method, u16 0, u32 argument of a control frame; payload; padding to 8.
 * Little endian; every frame starts at a multiple of 8 within its batch, because msgpackr aligns what it packs.
 */
export const HEAD = 16;

export const frameType = {
  request: 1,
  reply: 2,
  error: 3,
  open: 4,
  message: 5,
  end: 6,
  credit: 7,
  cancel: 8,
} as const;
export type FrameType = (typeof frameType)[keyof typeof frameType];

/** Messages of a stream that may be under way unread; the reader gives half of it back at a time. */
export const STREAM_WINDOW = 512;

/** Length of a frame with its head and padding. */
export const paddedLength = (payload: number): number => (HEAD + payload + 7) & ~7;

/** msgpackr keeps a DataView on each buffer that it packs into. */
export interface ViewedBuffer extends Buffer {
  dataView?: DataView;
}

export function writeHead(
  buffer: ViewedBuffer,
  at: number,
  length: number,
  id: number,
  type: FrameType,
  argument: number,
): void {
  let view = buffer.dataView;
  if (!view) {
    view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    buffer.dataView = view;
  }
  view.setInt32(at, length, true);
  view.setInt32(at + 4, id, true);
  view.setInt32(at + 8, type, true);
  view.setInt32(at + 12, argument, true);
}

export const readU32 = (b: Uint8Array, at: number): number =>
  (b[at] as number) |
  ((b[at + 1] as number) << 8) |
  ((b[at + 2] as number) << 16) |
  ((b[at + 3] as number) << 24);
