/** Lets the harness loose on a bank with a planted fault, until it finds it or has had its chances. */
import { chooseFaults } from '../catalog.ts'
import { runFaults } from '../run.ts'
import type { Violation } from '../violation.ts'
import { findPlantedFault, plantedFaults, type PlantedFault } from './planted-faults.ts'

export interface PlantedResult {
  name: string
  /** What showed it; `undefined` when it was not found. */
  found: { fault: string; violation: Violation } | undefined
  /** Up to the one that found it. */
  faults: number
  instructions: number
  seconds: number
  /** Violations that are not by what was planted: the harness or the variant itself is broken. */
  others: readonly Violation[]
}

export interface RunPlantedOptions {
  seed: number
  root: string
  /** How many faults it may take; 20 when not given. */
  faultsMax?: number
  signal?: AbortSignal
}

const hooks = new URL('./hooks.ts', import.meta.url).href

/** What the environment of a server is given, so that the fault is in it or it does not start. */
export function plantingSettings(name: string): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${hooks}`.trim(),
    PLANTED_FAULT: name,
  }
}

/** Rejects when the fault could not be planted. */
export async function runPlanted(
  planted: PlantedFault,
  { seed, root, faultsMax = 20, signal }: RunPlantedOptions,
): Promise<PlantedResult> {
  const startedAt = performance.now()
  const result = { faults: 0, instructions: 0 }
  let found: PlantedResult['found']
  const others: Violation[] = []
  await runFaults({
    seed,
    root,
    faults: chooseFaults(planted.faults),
    length: { rounds: faultsMax },
    stopAtFirst: true,
    postgresSettings: planted.postgresSettings ?? {},
    serverSettings: plantingSettings(planted.name),
    ...(signal && { signal }),
    onRound({ result: { fault, entries, violations } }) {
      result.faults += 1
      result.instructions += entries.length
      const violation = violations.find(({ text }) => planted.shownBy.test(text))
      if (violation) found ??= { fault, violation }
      else others.push(...violations)
    },
  })
  const seconds = (performance.now() - startedAt) / 1000
  return { name: planted.name, found, ...result, seconds, others }
}

/** Those of the names, or all, one after the other. Returns whether every one was found. */
export async function searchPlanted(
  names: readonly string[],
  { print, ...options }: RunPlantedOptions & { print: (text: string) => void },
): Promise<boolean> {
  const chosen = names.includes('all') ? plantedFaults : names.map(findPlantedFault)
  let areFound = true
  for (const planted of chosen) {
    if (options.signal?.aborted) return false
    const result = await runPlanted(planted, options)
    print(describePlanted(result))
    for (const { text, evidence } of result.others) print([text, ...evidence].join('\n  '))
    areFound &&= result.found !== undefined
  }
  return areFound
}

/** In one line, for people. */
function describePlanted({ name, found, faults, instructions, seconds }: PlantedResult): string {
  const after = `after ${faults} faults, ${instructions} instructions, ${seconds.toFixed(1)} s`
  return found
    ? `found      ${name}  ${after}, by ${found.fault}: ${found.violation.text}`
    : `NOT FOUND  ${name}  ${after}`
}
