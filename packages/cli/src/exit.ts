import { type Code, RpcError } from "skein";
import { printable } from "./text.ts";

/** What the shell is told. Listed in the help: keep both together. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message for the person who called it. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** For programs. */
  readonly code: Code | undefined;

  constructor(message: string, exitCode: ExitCode, code?: Code) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** One line for people, with what is known of an RpcError below it. */
export function errorText(error: unknown): string {
  if (!RpcError.is(error)) return printable(error instanceof Error ? error.message : String(error));
  const lines = [`${error.code}${error.type === undefined ? "" : ` (${error.type})`}: ${error.message}`];
  const facts = [
    `executed: ${error.executed}`,
    error.instance !== undefined && `instance: ${error.instance}`,
    error.retryAfterMs !== undefined && `retry after: ${error.retryAfterMs} ms`,
    error.id !== undefined && `id in the server's log: ${error.id}`,
  ].filter((fact) => fact !== false);
  lines.push(`  ${facts.join("   ")}`);
  if (error.details !== undefined) lines.push(`  details: ${JSON.stringify(error.details)}`);
  return lines.map(printable).join("\n");
}

/** The same for programs: `{"error":{…}}`. */
export function errorDocument(error: unknown): { readonly error: Readonly<Record<string, unknown>> } {
  if (error instanceof CliError) return { error: { code: error.code, message: error.message } };
  if (!RpcError.is(error))
    return { error: { message: error instanceof Error ? error.message : String(error) } };
  const { code, message, executed, service, method, instance, type, details, id, retryAfterMs } = error;
  return { error: { code, message, executed, service, method, instance, type, details, id, retryAfterMs } };
}
