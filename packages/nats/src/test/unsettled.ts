import { connect } from "nats";

/** Events of a stream that JetStream has given out and not been told the end of. */
export async function unsettled(url: string, stream: string): Promise<number> {
  const connection = await connect({ servers: url });
  try {
    const manager = await connection.jetstreamManager();
    const consumers = await manager.consumers.list(stream).next();
    return consumers.reduce((sum, { num_ack_pending }) => sum + num_ack_pending, 0);
  } finally {
    await connection.close();
  }
}
