/**
 * Loaded into a server before its own code (`node --import`), for session-lookup.ts alone: takes the
 * look-up of sessions out of the source as it is loaded, and all it costs with it. A bank without it
 * goes on obeying sessions that have ended, which is why it is no setting.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { applyPatches } from '../faults/planted/patch.ts'

const patch = {
  file: 'identity/admission/admission.ts',
  find: 'const session = await findSession(sessionId)\n',
  replace: "const session = { accessEpoch: epoch, roles: new Set(['customer']) }\n",
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(`/server/src/${patch.file}`)) return loaded
    const text = readFileSync(fileURLToPath(url), 'utf8')
    return { ...loaded, source: applyPatches(text, [patch]) }
  },
})
