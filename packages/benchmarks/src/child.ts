import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { packageFolder } from "./catalogue.ts";
import { ANSWER_MARK, type Command, type ErrorReply } from "./load/protocol.ts";

/** How long a process may take to load its modules, listen or connect. */
const START_MS = 30_000;
/** Time that a command may take beyond what it was asked to. */
const ANSWER_MS = 30_000;
/** Between the end of its stdin and SIGKILL. */
const STOP_MS = 2_500;
/** Of what it wrote to stderr, the end that goes into an error. */
const STDERR_CHARACTERS = 600;

/** A process that is measured: asked line by line on stdin, answers line by line on stdout. */
export interface Child {
  /** Sends a command; rejects when the process ends, fails, or keeps silent. */
  ask<Reply extends object>(command: Command): Promise<Reply>;
  /** Closes stdin, on which it ends by itself, or is killed. Idempotent. */
  stop(): Promise<void>;
}

/** Resolves once the process says that it is ready. */
export async function startChild(command: string, args: readonly string[]): Promise<Child> {
  const child = spawn(command, args, {
    cwd: packageFolder,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const answers = readAnswers(child);
  try {
    await answers.next(START_MS);
  } catch (error) {
    await stop(child);
    throw error;
  }
  return {
    async ask<Reply extends object>(command: Command): Promise<Reply> {
      const seconds = "seconds" in command ? command.seconds : 0;
      child.stdin?.write(`${JSON.stringify(command)}\n`);
      const reply = await answers.next(seconds * 1000 + ANSWER_MS);
      if ("error" in reply) throw new Error((reply as ErrorReply).error);
      return reply as Reply;
    },
    stop: () => stop(child),
  };
}

/** One reader at a time: the protocol has one question open at most. */
function readAnswers(child: ChildProcess): { next(timeoutMs: number): Promise<object> } {
  const ready: object[] = [];
  let stderr = "";
  let gone: Error | undefined;
  let wake: (() => void) | undefined;
  const end = (reason: string): void => {
    gone ??= new Error(stderr.trim() === "" ? reason : `${reason}: ${stderr.trim()}`);
    wake?.();
  };
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARACTERS);
  });
  child.stdin?.on("error", () => {}); // it ended: "close" says why
  child.on("error", (error) => end(`could not be started: ${error.message}`));
  child.on("close", (code, signal) => end(`the process ended (${signal ?? `exit code ${code}`})`));
  if (child.stdout)
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith(ANSWER_MARK)) return;
      ready.push(JSON.parse(line.slice(ANSWER_MARK.length)) as object);
      wake?.();
    });

  return {
    async next(timeoutMs) {
      const answer = ready.shift();
      if (answer) return answer;
      if (gone) throw gone;
      let timer: NodeJS.Timeout | undefined;
      const timedOut = await new Promise<boolean>((resolve) => {
        wake = () => resolve(false);
        timer = setTimeout(() => resolve(true), timeoutMs);
      });
      clearTimeout(timer);
      wake = undefined;
      const late = ready.shift();
      if (late) return late;
      // a later answer would be taken for that of the next question
      gone ??= new Error(timedOut ? `no answer within ${timeoutMs} ms` : "the process ended");
      throw gone;
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await closed;
  clearTimeout(timer);
}
