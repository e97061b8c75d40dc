import { ledgerConformance } from '../engine.conformance.ts'
import { createPostgresHarness } from './testing.ts'

ledgerConformance('postgres', () => createPostgresHarness())

ledgerConformance('postgres without named statements, small batches', () =>
  createPostgresHarness({ namedStatements: false, batchSizeMax: 7 }),
)

ledgerConformance('postgres under a role that is taken on', () =>
  createPostgresHarness({ role: 'tallystick_server' }),
)
