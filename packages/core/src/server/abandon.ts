/** What a handler returned too late for anybody to read it; what its clean-up throws has nobody to go to. */
export async function abandon(value: unknown): Promise<void> {
  try {
    await (value as Partial<AsyncIterator<unknown>> | undefined)?.return?.();
  } catch {}
}
