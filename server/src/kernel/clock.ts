/**
 * Time of this process, for tokens, deadlines and logs. Business time is never taken from here: it
 * is `bank_now()` of the database, read after the locks.
 */
export interface Clock {
  /** The present moment. */
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }
