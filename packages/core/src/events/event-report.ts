/** Counters of one subscription since it began. */
export interface SubscriptionReport {
  /** As it was subscribed to: `user.created`, `user.*`. */
  readonly event: string;
  /** Undefined: everyone gets each event. */
  readonly queue: string | undefined;
  /** `MailService.welcome`, or "" for one that was made by subscribe(). */
  readonly handler: string;
  /** Handlers that run now. */
  readonly running: number;
  readonly handled: number;
  /** Times that a handler threw, or that what came could not be read. */
  readonly failed: number;
  /** Times that an event came again, after it had been given to someone before. */
  readonly redelivered: number;
  /** Events that the bus says are lost to this subscription: too many waited, or it gave them up after too many attempts. */
  readonly dropped: number;
}

export interface EventsReport {
  /** Events that the bus has taken. */
  readonly published: number;
  /** Events that it has not. */
  readonly failed: number;
  /** Those that are open. */
  readonly subscriptions: readonly SubscriptionReport[];
}
