/** What people have to change before it can start: the message says all, a stack would add nothing. */
export class SetupError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "SetupError";
  }
}
