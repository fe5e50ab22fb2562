const NS = 1e6;

/** What STATS tells of an endpoint. */
export class EndpointStats {
  #requests = 0;
  #errors = 0;
  #lastError = "";
  /** ns */
  #time = 0;

  /** @param error of one that failed, `404:no user 7` */
  ended(ms: number, error?: string): void {
    this.#requests++;
    this.#time += Math.max(0, Math.round(ms * NS));
    if (error === undefined) return;
    this.#errors++;
    this.#lastError = error;
  }

  get report() {
    const average = this.#requests === 0 ? 0 : Math.floor(this.#time / this.#requests);
    return {
      num_requests: this.#requests,
      num_errors: this.#errors,
      last_error: this.#lastError,
      processing_time: this.#time,
      average_processing_time: average,
    };
  }
}
