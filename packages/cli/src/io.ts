/** Where text goes. */
export interface Output {
  /** Resolves when more may be written. */
  write(text: string): Promise<void>;
  readonly isTTY: boolean;
}

/** Time as the commands need it. */
export interface CliClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds that never go backwards. */
  monotonic(): number;
  /** Calls `fire` each `ms` milliseconds until the returned function is called. */
  every(ms: number, fire: () => void): () => void;
  /** Lets timers and I/O run. */
  pause(): Promise<void>;
}

/** The world around a command: what main.ts takes from the process, and tests make up. */
export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Lines of the standard input, without their ends. */
  stdinLines(): AsyncIterable<string>;
  readFile(path: string): Promise<string>;
  /** Aborts at Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly clock: CliClock;
}

/** The whole standard input. */
export async function readStdin(io: CliIo): Promise<string> {
  const lines: string[] = [];
  for await (const line of io.stdinLines()) lines.push(line);
  return lines.join("\n");
}
