/**
 * What a fault is, and the world that it is let loose in: one durable PostgreSQL, several servers on
 * it, and clients that never stop sending while a fault is injected.
 *
 * A fault is injected in the middle of load and leaves nothing behind: when `inject` resolves, every
 * process that it stopped runs again and every line is whole. The harness then waits until all
 * servers are ready, lets more load through, and holds the bank to its word (`truth.ts`).
 */
import type { Socket } from 'node:net'
import type { InstructionKind } from './instruction.ts'
import type { Proxy } from './proxy/proxy.ts'
import type { Random } from './random.ts'

export interface Fault {
  /** In kebab-case: its row on the scoreboard and its name for `--only`. */
  name: string
  /** One line for `--list`. */
  description: string
  /** What its load and its judgement need beyond the usual. */
  needs?: FaultNeeds
  /** Why it cannot be had on this machine; `undefined` where it can. */
  unavailable?(world: Omit<World, 'load'>): Promise<string | undefined>
  /** Does it and undoes it. Rejects only when the fault itself could not be carried out. */
  inject(world: World, random: Random): Promise<void>
}

export interface FaultNeeds {
  /** Of a hundred instructions, so many are delivered at once to two servers. Usually 10. */
  twicePercent?: number
  /** No instruction may stay without an outcome, and none may be cut off after it was accepted. */
  noFailedRequest?: boolean
  /** Only instructions of these kinds. */
  kinds?: readonly InstructionKind[]
  /**
   * Servers of two releases answer: a newer one may show more members, so that answers to one key are
   * the same where both have something to say, and not to the byte.
   */
  twoReleases?: boolean
}

export interface World {
  postgres: PostgresHost
  /** Two or more, in the order of their start. The first has a direct line to the database. */
  servers: readonly ServerHost[]
  /** The servers whose line to the database is a {@link Proxy}: never empty. */
  routed: readonly RoutedServer[]
  load: Load
  /** The sources that the servers run. */
  root: string
  /** A commit, branch or tag to take as the release before; the harness finds one when absent. */
  previous: string | undefined
  /** A line for the journal of the run, such as which pid was killed. */
  note: (text: string) => void
}

export interface PostgresHost {
  /** The postmaster; another one after each restart. */
  readonly pid: number
  /** The data folder of the bank; PostgreSQL's own is `clusterFolder`. */
  readonly dataDirectory: string
  readonly clusterFolder: string
  readonly logFile: string
  /** To this bank's database; they stay the same over restarts. */
  readonly url: string
  readonly ownerUrl: string
  readonly superuserUrl: string
  /** A new line to the PostgreSQL of this moment, for a proxy. */
  connect(): Socket
  /** The processes of the cluster, the postmaster included. */
  pids(): Promise<number[]>
  /** One statement as superuser, on a connection of its own. */
  query<Row extends Record<string, unknown>>(text: string): Promise<Row[]>
  /** Ends all its processes with SIGKILL and resolves when they are gone. */
  kill(): Promise<void>
  /** Stops it cleanly, without waiting for sessions to end by themselves. */
  stop(): Promise<void>
  /** Starts it, after `kill` or `stop`, and resolves when it accepts connections. */
  start(options?: PostgresStart): Promise<void>
}

export interface PostgresStart {
  /** Over the durable settings, until the next start. */
  settings?: Readonly<Record<string, string>>
}

export interface ServerHost {
  /** `A`, `B`, ... */
  readonly name: string
  readonly baseUrl: string
  /** Another one after each restart; `undefined` while it is down. */
  readonly pid: number | undefined
  /** The end of what it wrote. */
  output(): string
  /** Ends it with SIGKILL and resolves when it is gone. */
  kill(): Promise<void>
  /** Sends SIGTERM and resolves with its exit code. */
  stop(): Promise<number | null>
  /** SIGSTOP. Whoever pauses it resumes it. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** Starts it on the same address; resolves when it is ready. */
  start(options?: ServerStart): Promise<void>
}

export interface ServerStart {
  /** The folder of the sources to run: another release. The present one when absent. */
  root?: string
}

export interface RoutedServer extends ServerHost {
  readonly route: Proxy
}

export interface Load {
  /** Resolves when so many more instructions were acknowledged. Rejects when none is for a minute. */
  acknowledged(count: number): Promise<void>
}
