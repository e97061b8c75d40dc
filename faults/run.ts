/**
 * A run: round after round, each with the next fault of a shuffled deck. The seed decides faults,
 * order, timing and load.
 *
 * A bank lives through several rounds, so that what an earlier fault broke is seen later too, and is
 * then replaced by a new one, so that a long run does not grow. A bank that did not keep its word is not
 * asked again: the run goes on with another one.
 */
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestFolder } from '../test/support/postgres.ts'
import { startBank, type Bank, type BankOptions } from './bank.ts'
import { createDeck, createEnd, type Deck, type Length } from './deck.ts'
import type { Fault } from './fault.ts'
import { createRandom } from './random.ts'
import { runRound } from './round.ts'
import { createScoreboard, type RoundResult, type Scoreboard } from './scoreboard.ts'

export interface RunOptions {
  seed: number
  faults: readonly Fault[]
  length: Length
  /** The sources of the servers. */
  root: string
  /** The release before, as git knows it. */
  previous?: string
  /** For PostgreSQL over the durable settings, and for the servers. */
  postgresSettings?: Readonly<Record<string, string>>
  serverSettings?: Readonly<Record<string, string>>
  /** No more rounds after the first word that was not kept. */
  stopAtFirst?: boolean
  /** Ends the run; the round that is under way does not count. */
  signal?: AbortSignal
  onRound?: (round: Round, scoreboard: Scoreboard) => void
  /** Told where the first bank that did not keep its word is left; without it none is. */
  onKept?: (folder: string) => void
}

export interface Round {
  number: number
  seconds: number
  /** Which process was killed, and the like. */
  notes: readonly string[]
  result: RoundResult
}

const roundsPerBank = 15

export async function runFaults(options: RunOptions): Promise<Scoreboard> {
  const scoreboard = createScoreboard()
  const random = createRandom(options.seed)
  const deck = createDeck(options.faults, random.fork('deck'))
  const isPast = createEnd(options.length)
  const folder = await createTestFolder()
  let number = 1
  let isExhausted = false
  let isKept = options.onKept === undefined

  function isOver(): boolean {
    if (options.stopAtFirst && scoreboard.violated) return true
    return isExhausted || isPast(number) || options.signal?.aborted === true
  }

  /** None of the faults can be had on this machine. */
  function exhausted(): true {
    isExhausted = true
    return true
  }

  /** Returns whether the bank kept its word. */
  async function playBank(bankFolder: string): Promise<boolean> {
    const bank = await startBankPatiently({ ...options, folder: bankFolder })
    try {
      for (let count = 0; count < roundsPerBank && !isOver(); count += 1) {
        const fault = await nextFault(options, { bank, deck, scoreboard })
        if (!fault) return exhausted()
        const notes: string[] = []
        const startedAt = performance.now()
        const note = (text: string) => void notes.push(text)
        const own = random.fork(`round ${number}`)
        const result = await runRound({ ...options, bank, fault, number, random: own, note })
        if (options.signal?.aborted) break
        const seconds = (performance.now() - startedAt) / 1000
        scoreboard.add(result)
        options.onRound?.({ number, seconds, notes, result }, scoreboard)
        number += 1
        if (result.violations.length > 0) return false
      }
      return true
    } finally {
      await bank.stop()
    }
  }

  try {
    while (!isOver()) {
      const bankFolder = join(folder.path, `bank-${number}`)
      const keptItsWord = await playBank(bankFolder)
      if (keptItsWord || isKept) await rm(bankFolder, { recursive: true, force: true })
      else {
        isKept = true
        options.onKept?.(await keep(bankFolder))
      }
    }
    return scoreboard
  } finally {
    await folder.remove()
  }
}

/** A machine that is busy may take longer for a start than is waited for. */
async function startBankPatiently(options: BankOptions): Promise<Bank> {
  try {
    return await startBank(options)
  } catch {
    return startBank({ ...options, folder: `${options.folder}-again` })
  }
}

async function nextFault(
  { root, previous }: RunOptions,
  { bank, deck, scoreboard }: { bank: Bank; deck: Deck; scoreboard: Scoreboard },
): Promise<Fault | undefined> {
  for (let fault = deck.next(); fault; fault = deck.next()) {
    const reason = await fault.unavailable?.({ ...bank, root, previous, note: () => {} })
    if (reason === undefined) return fault
    scoreboard.skip(fault.name, reason)
    deck.remove(fault)
  }
  return undefined
}

async function keep(bankFolder: string): Promise<string> {
  const kept = join(await mkdtemp(join(tmpdir(), 'tallystick-faults-')), 'bank')
  await rename(bankFolder, kept)
  return kept
}
