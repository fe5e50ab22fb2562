/** Why nothing (more) was written, in words for the person at the terminal. */
export class Refusal extends Error {
  /** 1: what is on the disk is in the way. 2: what was asked for is wrong. 130: cancelled. */
  readonly exitCode: 1 | 2 | 130;

  constructor(message: string, exitCode: 1 | 2 | 130) {
    super(message);
    this.name = "Refusal";
    this.exitCode = exitCode;
  }
}
