/** DNS messages byte by byte, as RFC 1035 has them and with nobody's library: for golden records. */
export function nameBytes(name: string): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([...labels, Buffer.from([0])]);
}

export const u16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [n, value] of values.entries()) bytes.writeUInt16BE(value, n * 2);
  return bytes;
};

const TYPES = { A: 1, PTR: 12, TXT: 16, SRV: 33 } as const;
const IN = 1;

export function recordBytes(name: Buffer, type: keyof typeof TYPES, ttl: number, data: Buffer): Buffer {
  return Buffer.concat([name, u16(TYPES[type], IN, ttl >>> 16, ttl & 0xffff, data.length), data]);
}

export function srvBytes(port: number, target: Buffer): Buffer {
  return Buffer.concat([u16(10, 1, port), target]);
}

export function stringsBytes(strings: readonly string[]): Buffer {
  return Buffer.concat(strings.flatMap((s) => [Buffer.from([s.length]), Buffer.from(s)]));
}

/** An authoritative answer. */
export function responseBytes(records: readonly Buffer[]): Buffer {
  return Buffer.concat([u16(0, 0x8400, 0, records.length, 0, 0), ...records]);
}

export function queryBytes(name: string, type: number): Buffer {
  return Buffer.concat([u16(0x1234, 0, 1, 0, 0, 0), nameBytes(name), u16(type, IN)]);
}
