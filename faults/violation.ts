/** A word that the bank did not keep, with all that is needed to see it. */
export interface Violation {
  /** `lost`: acknowledged and not there, or not whole. `doubled`: there more than once. */
  kind: 'lost' | 'doubled' | 'wrong'
  /** One line: what was promised and what is. */
  text: string
  /** Keys, answers, rows. */
  evidence: readonly string[]
}

export function wrong(text: string, ...evidence: readonly string[]): Violation {
  return { kind: 'wrong', text, evidence }
}
