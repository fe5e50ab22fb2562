/**
 * What the server is asked for over one connection after another: whatever has no answer when a connection is gone fails. (npm `nats` never settles a
 * flush or a drain whose connection is gone where it does not reconnect by itself.)
 */
export class Unanswered {
  readonly #failures = new Set<(error: Error) => void>();

  /** Settles as it does, or rejects when the connection is gone first. */
  until(answer: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled = (settle: () => void): void => {
        if (this.#failures.delete(reject)) settle();
      };
      this.#failures.add(reject);
      answer.then(
        () => settled(resolve),
        (error) => settled(() => reject(error)),
      );
    });
  }

  /** The connection is gone. */
  gone(error: Error): void {
    const failures = [...this.#failures];
    this.#failures.clear();
    for (const fail of failures) fail(error);
  }
}
