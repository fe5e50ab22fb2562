import { connect } from "node:net";

/**
 * Resolves once what listens at `host:port` has said something, as NATS does at once; rejects with the socket's error, or after `timeoutMs` with `code`
 * TIMEOUT. Leaves nothing open: the library's own attempts leave their socket behind when their time is up, one each, while a server is frozen.
 */
export function answers(host: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(`tcp://${host}`);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
  const giveUp = (): void => void socket.destroy(signal.reason);
  if (signal.aborted) giveUp();
  else signal.addEventListener("abort", giveUp);
  return new Promise<void>((resolve, reject) => {
    const late = (): void =>
      reject(Object.assign(new Error("the server does not answer"), { code: "TIMEOUT" }));
    socket.setTimeout(timeoutMs, late);
    socket.once("data", () => resolve());
    socket.once("error", reject);
    socket.once("close", late);
  }).finally(() => {
    signal.removeEventListener("abort", giveUp);
    socket.destroy();
  });
}
