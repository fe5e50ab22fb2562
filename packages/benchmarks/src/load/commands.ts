import { createInterface } from "node:readline";
import { ANSWER_MARK, type Command, type ErrorReply, type Usage } from "./protocol.ts";

export const say = (value: object): void => {
  process.stdout.write(`${ANSWER_MARK}${JSON.stringify(value)}\n`);
};

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssBytes: process.memoryUsage.rss() };
}

/** Answers each command line in turn; when the harness is gone, so is this process, whatever it was doing. */
export function answerCommands(run: (command: Command) => Promise<object> | object): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    try {
      say(await run(JSON.parse(line) as Command));
    } catch (error) {
      const reply: ErrorReply = {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      };
      say(reply);
    }
  });
  lines.on("close", () => process.exit(0));
}
