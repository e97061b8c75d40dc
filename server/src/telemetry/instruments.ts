/**
 * The table of metrics: names, what they say, their labels and buckets. The registry and
 * docs/reference/metrics.md are made from it. Base units only: seconds, bytes, counts.
 *
 * Labels take few values: routes as patterns and never paths, codes from closed lists, no ids.
 */

export interface Instrument {
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  labels: readonly string[]
  /** Upper bounds, for histograms. */
  buckets?: readonly number[]
}

/** From a lone request on an idle ledger (about 1 ms) to the longest deadline. */
const secondsBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const

export const instruments = {
  tallystick_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say what is running.',
    labels: ['version', 'node_version'],
  },
  tallystick_http_request_duration_seconds: {
    type: 'histogram',
    help: 'From the first byte of a request to the end of its answer.',
    labels: ['method', 'route', 'status'],
    buckets: secondsBuckets,
  },
  tallystick_http_requests_in_flight: {
    type: 'gauge',
    help: 'Requests that are being answered.',
    labels: [],
  },
  tallystick_http_problems_total: {
    type: 'counter',
    help: 'Refusals and failures by their problem code.',
    labels: ['code'],
  },
  tallystick_defects_total: {
    type: 'counter',
    help: 'Broken invariants: each is a bug with an error line in the log.',
    labels: [],
  },
  tallystick_ledger_outcomes_total: {
    type: 'counter',
    help: 'Answered instructions: posted, or the code of the refusal; replayed ones apart.',
    labels: ['kind', 'outcome', 'replayed'],
  },
  tallystick_ledger_queue_length: {
    type: 'gauge',
    help: 'Instructions that wait for a batch.',
    labels: [],
  },
  tallystick_ledger_overloaded_total: {
    type: 'counter',
    help: 'Instructions that were turned away with nothing done.',
    labels: ['reason'],
  },
  tallystick_ledger_batch_size: {
    type: 'histogram',
    help: 'Instructions per batch.',
    labels: [],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  },
  tallystick_ledger_batch_duration_seconds: {
    type: 'histogram',
    help: 'From the forming of a batch until all of it is answered.',
    labels: [],
    buckets: secondsBuckets,
  },
  tallystick_ledger_batch_wait_seconds: {
    type: 'histogram',
    help: 'How long the instruction that waited longest was in the queue, per batch.',
    labels: [],
    buckets: secondsBuckets,
  },
  tallystick_ledger_batch_failures_total: {
    type: 'counter',
    help: 'Attempts at a batch that came to nothing: contention, surroundings or content.',
    labels: ['failure'],
  },
  tallystick_ledger_batch_unknown_total: {
    type: 'counter',
    help: 'Batches whose COMMIT was sent and not answered.',
    labels: [],
  },
  tallystick_ledger_statement_duration_seconds: {
    type: 'histogram',
    help: 'From sending a statement of a batch to its result; in a pipeline they overlap.',
    labels: ['statement'],
    buckets: secondsBuckets,
  },
  tallystick_audit_findings: {
    type: 'gauge',
    help: 'What the scheduled audit found broken since the last whole audit that was silent.',
    labels: [],
  },
  tallystick_audit_batches_behind: {
    type: 'gauge',
    help: 'Batches that the scheduled audit has yet to look at.',
    labels: [],
  },
  tallystick_audit_last_run_timestamp_seconds: {
    type: 'gauge',
    help: 'When the scheduled audit last had looked at everything; 0 before that.',
    labels: [],
  },
  tallystick_holds_expired_total: {
    type: 'counter',
    help: 'Holds that this server found past their end and had expired; two may find the same one.',
    labels: [],
  },
  tallystick_holds_overdue_seconds: {
    type: 'gauge',
    help: 'For how long the oldest of them had been past its end, at the last look; 0 without any.',
    labels: [],
  },
  tallystick_audit_trail_events_total: {
    type: 'counter',
    help: 'Refusals and failed logins for the audit trail: kept whole, or counted with equal ones.',
    labels: ['kept'],
  },
  tallystick_audit_trail_waiting: {
    type: 'gauge',
    help: 'Rows of these that are in memory and not yet written.',
    labels: [],
  },
  tallystick_audit_trail_written_total: {
    type: 'counter',
    help: 'Rows of these that were written.',
    labels: [],
  },
  tallystick_audit_trail_failures_total: {
    type: 'counter',
    help: 'Times that the database did not take them; they are kept and tried again.',
    labels: [],
  },
  tallystick_jobs_total: {
    type: 'counter',
    help: 'Tries of jobs such as sending a mail: done, retried later, or given up.',
    labels: ['task', 'outcome'],
  },
  tallystick_cleaned_up_total: {
    type: 'counter',
    help: 'Rows that were deleted because they had long been over: sessions, links, challenges.',
    labels: ['what'],
  },
  tallystick_database_pool_connections: {
    type: 'gauge',
    help: 'Connections of the pool for reads and users, by state: idle or busy.',
    labels: ['state'],
  },
  tallystick_database_pool_waiting: {
    type: 'gauge',
    help: 'Requests that wait for a connection of that pool.',
    labels: [],
  },
  tallystick_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'How late timers were since the last scrape, by quantile: 0.5, 0.99 or 1.',
    labels: ['quantile'],
  },
} as const satisfies Record<string, Instrument>

export type InstrumentName = keyof typeof instruments

/** The names of one type of instrument. */
export type NameOf<T extends Instrument['type']> = {
  [K in InstrumentName]: (typeof instruments)[K]['type'] extends T ? K : never
}[InstrumentName]

export type LabelsOf<K extends InstrumentName> = (typeof instruments)[K]['labels'][number]
