import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePorts } from "./ports.ts";

/** How long it may take to listen, ms. */
const START_MS = 10_000;
/** Of what it wrote, the end that goes into an error, characters. */
const SHOWN = 600;
const script = fileURLToPath(new URL("../../../scripts/server.mjs", import.meta.url));

export interface NatsServer {
  /** nats://127.0.0.1:port */
  readonly url: string;
  stop(): Promise<void>;
}

/** Path of a real nats-server, installed where there is none. Throws when there is none to be had. */
export function natsBinary(): string {
  const ask = [script, "nats", "--install"];
  const stdio = ["ignore", "pipe", "ignore"] as const;
  try {
    return execFileSync(process.execPath, ask, { encoding: "utf8", stdio: [...stdio] }).trim();
  } catch (cause) {
    throw new Error("there is no nats-server: put one on PATH or name it in NATS_SERVER_BIN", { cause });
  }
}

/** A private nats-server with its defaults on loopback: one for all adapters of a run, as all of them take turns. */
export async function startNatsServer(): Promise<NatsServer> {
  const binary = natsBinary();
  const [port] = await freePorts(2);
  const child = spawn(binary, ["-a", "127.0.0.1", "-p", String(port)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  let output = "";
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nats-server does not listen: ${output}`)), START_MS);
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-SHOWN);
        if (output.includes("Server is ready")) settle();
      });
      child.once("error", settle);
      child.once("exit", (code) => settle(new Error(`nats-server ended with ${code}: ${output}`)));
    });
  } catch (error) {
    if (child.pid !== undefined) await stop();
    throw error;
  }
  return { url: `nats://127.0.0.1:${port}`, stop };
}
