/**
 * PostgreSQL's settings for this work: few connections, many small commits, one machine shared with
 * the server. They are written to postgresql.conf at every start, so that a new version of ours
 * brings its own; ALTER SYSTEM still wins over them, except over what makes commits durable.
 */
import { totalmem } from 'node:os'

export type Settings = Readonly<Record<string, string>>

const MEBIBYTE = 1024 * 1024

/** Given on the command line, so that nothing in the cluster can weaken them. */
export const durableSettings: Settings = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // On macOS an fdatasync leaves the data in the drive's volatile cache; only this flushes it.
  ...(process.platform === 'darwin' ? { wal_sync_method: 'fsync_writethrough' } : {}),
}

/** The defaults in postgresql.conf. */
export function tunedSettings(): Settings {
  return {
    cluster_name: 'tallystick',
    max_connections: '100',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    datestyle: 'ISO, YMD',
    default_text_search_config: 'pg_catalog.simple',
    lc_messages: 'C',

    shared_buffers: `${sharedBuffersMebibytes()}MB`,
    // Random reads cost about as much as sequential ones on flash and in the page cache.
    random_page_cost: '1.1',
    // Compiling costs more than any statement here takes.
    jit: 'off',

    // A checkpoint makes the next change of every page write the whole page to the WAL. Fewer, slower
    // checkpoints and recycled WAL files keep that from showing as humps in latency.
    max_wal_size: '4GB',
    min_wal_size: '512MB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: '0.9',
    wal_buffers: '16MB',
    // To fill a new WAL file with zeros holds up every commit for 50 to 70 ms, once in 14,000 transfers
    // until the first checkpoint leaves files to use again. The price, some metadata with a flush of a
    // file that is new, is paid for a batch at a time.
    wal_init_zero: 'off',

    log_destination: 'stderr',
    log_min_messages: 'warning',
    log_line_prefix: '%m [%p] %a ',
    // Details of an error hold the values of rows, such as an e-mail address.
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
  }
}

/** An eighth of the memory that this process may use, from 128 MiB to 1 GiB. */
function sharedBuffersMebibytes(): number {
  const constrained = process.constrainedMemory()
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  return Math.floor(Math.min(Math.max(memory / 8, 128 * MEBIBYTE), 1024 * MEBIBYTE) / MEBIBYTE)
}

/** The text of a postgresql.conf. */
export function renderConfiguration(settings: Settings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`,
  )
  return `# Written by tallystick at every start. ALTER SYSTEM overrides it.\n${lines.join('\n')}\n`
}

/** The settings as `-c name=value` arguments. */
export function settingArguments(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
