/** The face of entries: what an account was at a moment of its past is read from them. */
export type { EntryStore, PastBalance } from './store.ts'
