/**
 * Errors that PostgreSQL gives to those who did nothing wrong, at the statements of a batch: the first of
 * them, the one that writes, and COMMIT.
 */
import type { Fault } from '../fault.ts'

/** Words that each of these statements of a batch has and no other. */
const statements = ['for no key update', 'insert into transfer', 'commit']

function injectedError(name: string, description: string, sqlStates: readonly string[]): Fault {
  return {
    name,
    description,
    async inject({ routed, load, note }, random) {
      const { name: server, route } = random.pick(routed)
      const errors = random.integer(2, 6)
      for (let count = 1; count <= errors; count += 1) {
        const sqlState = random.pick(sqlStates)
        const text = random.pick(statements)
        // More of them than a batch is tried, now and then.
        const times = random.pick([1, 1, 2, 7])
        note(`${server} gets ${sqlState} at "${text}", ${times} times`)
        await route.failStatements({ sqlState, text, times }).done
        await load.acknowledged(random.integer(10, 60))
      }
    },
  }
}

export const deadlockErrors = injectedError(
  'deadlock-errors',
  'PostgreSQL ends txs of batches with deadlock_detected',
  ['40P01'],
)

export const serializationErrors = injectedError(
  'serialization-errors',
  'PostgreSQL ends txs of batches with serialization_failure',
  ['40001'],
)

export const databaseErrors = injectedError(
  'database-errors',
  'PostgreSQL is out of connections, of memory, of disk, or cancels the statements of batches',
  ['53300', '53200', '53100', '57014'],
)
