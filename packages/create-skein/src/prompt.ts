import { createInterface } from "node:readline";
import { Refusal } from "./refusal.ts";

/** Asks on a terminal; an empty answer takes the proposal. Ctrl-C and Ctrl-D cancel. */
export interface Prompt {
  ask(question: string, proposal: string): Promise<string>;
  /** Gives the terminal back. */
  close(): void;
}

/** One for all questions: lines that come before they are asked for (pasted ones) are kept. */
export function createPrompt(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Prompt {
  const lines = createInterface({ input, output, terminal: true });
  const answers = lines[Symbol.asyncIterator]();
  return {
    ask: async (question, proposal) => {
      lines.setPrompt(`${question} (${proposal}) `);
      lines.prompt();
      const { value, done } = await answers.next();
      if (done === true) {
        output.write("\n");
        throw new Refusal("Cancelled; nothing was written.", 130);
      }
      const answer = value.trim();
      return answer === "" ? proposal : answer;
    },
    close: () => lines.close(),
  };
}
