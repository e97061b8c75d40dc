/** The faults of the database and of the line to it. */
import type { Fault } from '../fault.ts'
import { commitCutAfter, commitCutBefore } from './commit-cuts.ts'
import { realDeadlocks } from './deadlocks.ts'
import { databaseErrors, deadlockErrors, serializationErrors } from './errors.ts'
import { fullDisk } from './full-disk.ts'
import { blackholedDatabase, slowDatabase } from './lines.ts'
import { connectionSlots } from './slots.ts'

export const databaseFaults: readonly Fault[] = [
  commitCutBefore,
  commitCutAfter,
  blackholedDatabase,
  slowDatabase,
  deadlockErrors,
  serializationErrors,
  databaseErrors,
  realDeadlocks,
  connectionSlots,
  fullDisk,
]
