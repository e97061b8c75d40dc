/**
 * The face of transfers: what other modules that move money share, so that a deposit is read,
 * refused and answered as a transfer is.
 */
export { accountIdOf, broughtBy, hiddenDebit, post, type FindHidden } from './posting.ts'
export { dryRunMembers, dryRunOf, DryRunTransferSchema } from './dry-run.ts'
export { requireReadableAccount } from './readable-account.ts'
export { refusalProblem } from './refusal-problem.ts'
export { renderTransfer } from './render.ts'
export {
  BankCodeSchema,
  MetadataSchema,
  nullableDescription,
  nullableReference,
  TransferSchema,
  transferWordsRequest,
} from './schema.ts'
export { wordsOf } from './words.ts'
