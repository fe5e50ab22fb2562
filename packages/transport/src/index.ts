export { formatAddress, parseAddress, type SocketAddress } from "./address.ts";
export {
  createMemoryNetwork,
  createMemoryTransport,
  type MemoryNetwork,
  type MemoryTransportOptions,
  memoryPair,
} from "./memory.ts";
export { createTcpTransport, type TcpTransportOptions } from "./tcp.ts";
export type { TlsSettings } from "./tls.ts";
