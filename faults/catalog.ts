/** Every kind of fault that the harness knows. */
import { UsageError } from '../tools/usage.ts'
import { databaseFaults } from './database/database-faults.ts'
import type { Fault } from './fault.ts'
import { postgresFaults } from './postgres-faults.ts'
import { previousRelease } from './previous-release.ts'
import { serverFaults } from './server-faults.ts'

export const catalog: readonly Fault[] = [
  ...serverFaults,
  previousRelease,
  ...postgresFaults,
  ...databaseFaults,
]

/** Those of the names; throws for a name that there is not. */
export function chooseFaults(names: readonly string[]): Fault[] {
  return names.map((name) => {
    const fault = catalog.find((each) => each.name === name)
    if (!fault) throw new UsageError(`there is no fault ${name}: npm run faults -- --list`)
    return fault
  })
}
