/**
 * Loaded into a server before its own code (`node --import`): changes its sources, as they are loaded, by
 * the planted fault of the environment, and keeps it from running unless each of them was.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { applyPatches } from './patch.ts'
import { findPlantedFault } from './planted-faults.ts'

const { patches } = findPlantedFault(process.env['PLANTED_FAULT'] ?? '')
const unpatched = new Set(patches.map(({ file }) => file))

/** Runs before the first line of the server, when everything that it imports has been loaded. */
function check(): void {
  if (unpatched.size === 0) return
  throw new Error(`the fault is not planted: ${[...unpatched].join(', ')} was not loaded`)
}

const checkName = 'tallystick.plantedFaultCheck'
Object.defineProperty(globalThis, Symbol.for(checkName), { value: check })

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const [, file = ''] = /\/server\/src\/(.+)$/.exec(url) ?? []
    const own = patches.filter((patch) => patch.file === file)
    unpatched.delete(file)
    if (file !== 'main.ts' && own.length === 0) return loaded
    const text = applyPatches(readFileSync(fileURLToPath(url), 'utf8'), own)
    const start = file === 'main.ts' ? `globalThis[Symbol.for('${checkName}')]();` : ''
    return { ...loaded, source: start + text }
  },
})
