import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Stage } from "./stage.ts";

/** A program that plays a part beside the servers: it is sent one message and answers with one. */
export interface HelperProcess {
  readonly pid: number;
  /** Sends it, and waits for the answer of that kind. Fails when the process ends first. */
  ask<T>(order: object, answer: string): Promise<T>;
  /** With SIGKILL. Idempotent. */
  kill(): Promise<void>;
}

/** Starts `programs/NAME.js` and waits until it says that it is ready. It ends with the stage. */
export async function startHelper(
  stage: Stage,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<HelperProcess> {
  const child = fork(join(import.meta.dirname, `../programs/${name}.js`), {
    env: { ...process.env, SKEIN_REGISTRY: stage.registry, ...env },
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let printed = "";
  child.stderr?.on("data", (chunk) => {
    printed += chunk;
  });
  const exited = once(child, "exit");
  const early = exited.then(([code, signal]) => {
    throw new Error(`${name} ended with ${code ?? signal}:\n${printed}`);
  });
  early.catch(() => {});
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  stage.atEnd(kill);
  const told = (kind: string): Promise<unknown> =>
    new Promise((resolve) => {
      const look = (message: unknown): void => {
        if ((message as { kind: string }).kind !== kind) return;
        child.off("message", look);
        resolve(message);
      };
      child.on("message", look);
    });
  await Promise.race([told("ready"), early]);
  return {
    pid: child.pid as number,
    kill,
    async ask<T>(order: object, answer: string) {
      const come = told(answer);
      child.send(order);
      return (await Promise.race([come, early])) as T;
    },
  };
}
