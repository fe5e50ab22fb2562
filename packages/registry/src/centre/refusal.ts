import type { Code } from "@skein/core";

/** A request that is not done, with what is answered: a status, a code for programs and a sentence for people. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: Code;

  constructor(status: number, code: Code, message: string) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
  }
}

/** 400: what was sent cannot be understood. */
export function badInput(message: string): Refusal {
  return new Refusal(400, "INVALID_ARGUMENT", message);
}
