/** The embedded PostgreSQL cannot run as things are; the message tells a person what to do. */
export class EmbeddedPostgresError extends Error {
  override name = 'EmbeddedPostgresError'
}
