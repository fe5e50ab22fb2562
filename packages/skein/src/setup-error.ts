/** What people have to change before it can start: the message says all, a stack would add nothing. */
export class SetupError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "SetupError";
  }
}

/** What `work` throws is for people to change: as a SetupError of the same message. */
export async function asSetup<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SetupError || !(error instanceof Error)) throw error;
    throw new SetupError(error.message, { cause: error });
  }
}
