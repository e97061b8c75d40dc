/** What lies where in the data folder. */
import { join } from 'node:path'

export interface Layout {
  /** The data folder itself: absolute, links resolved, entered by its owner only. */
  folder: string
  /** PostgreSQL's own folder (PGDATA). */
  cluster: string
  /** How the folders begin in which a new cluster is made before it is renamed to `cluster`. */
  unfinishedPrefix: string
  /** Generated passwords of the logins, private. */
  passwords: string
  /** PostgreSQL's messages. */
  log: string
  /** What a server holds locked while it runs, and who that is. */
  lock: string
  lockHolder: string
  /** Links to shared libraries, only where node_modules is read-only. */
  libraries: string
}

export function layoutOf(folder: string): Layout {
  return {
    folder,
    cluster: join(folder, 'postgres'),
    unfinishedPrefix: join(folder, 'postgres.unfinished-'),
    passwords: join(folder, 'postgres-passwords.json'),
    log: join(folder, 'postgres.log'),
    lock: join(folder, 'server.lock'),
    lockHolder: join(folder, 'server.pid'),
    libraries: join(folder, 'postgres-libraries'),
  }
}
