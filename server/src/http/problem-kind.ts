/** The form of an entry of the table of problems: see problem-catalog.ts. */

export type Retry = 'same_key' | 'new_key' | 'never'

export interface ProblemKind {
  status: number
  /** A short summary that is the same for every occurrence. */
  title: string
  retry: Retry
  /** What it means and what to do about it, for the page that explains the code. */
  explanation: string
}
