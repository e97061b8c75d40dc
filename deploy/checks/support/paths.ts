/** Where things are, for the checks. */
import { fileURLToPath } from 'node:url'

/** The folder of the project. */
export const projectFolder = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '')

/** The folder `deploy`, with a package and a lock of its own. */
export const deployFolder = `${projectFolder}/deploy`
