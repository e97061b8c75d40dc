/**
 * The connections of the batches in flight: as many as there may be batches, opened when needed,
 * and one that broke is replaced by a new one at its next use.
 */
import { Fault } from '../../kernel/fault.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'

export interface Connections {
  /** Runs `work` on a connection of its own. Throws a Fault `unavailable` when none can be opened. */
  use<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Closes those that are idle; the others when they are given back. */
  close(): Promise<void>
}

export function createConnections(options: ConnectionOptions): Connections {
  const idle: Connection[] = []
  let isClosed = false

  async function acquire(): Promise<Connection> {
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      if (connection.usable) return connection
    }
    try {
      return await openConnection(options)
    } catch (error) {
      throw new Fault('unavailable', 'no connection to the database', { cause: error })
    }
  }

  async function use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await acquire()
    try {
      return await work(connection)
    } finally {
      if (isClosed) await connection.close()
      else if (connection.usable) idle.push(connection)
    }
  }

  async function close(): Promise<void> {
    isClosed = true
    await Promise.all(idle.splice(0).map((connection) => connection.close()))
  }

  return { use, close }
}
