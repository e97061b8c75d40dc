/** The mails of identity, wired: the routes that ask for them or use their links, and their job. */
import type { Database } from '../../database/database.ts'
import type { Routes } from '../../http/route.ts'
import type { JobTask } from '../../jobs/jobs.ts'
import { createEmailConfirmationRoutes } from '../email-confirmation/routes.ts'
import { createEmailConfirmationStore } from '../email-confirmation/store.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { createPasswordResetRoutes } from '../password-reset/routes.ts'
import { createPasswordResetStore } from '../password-reset/store.ts'
import { mailTaskName, type QueueMail } from './mail-request.ts'
import { createMailTask, type MailTaskDependencies } from './mail-task.ts'
import { createLinkPages } from './page-routes.ts'
import { createMailStore } from './store.ts'

export interface Mails {
  routes: readonly Routes[]
  /** By their names in the job queue. */
  createTasks: (options: MailTaskOptions) => Record<string, JobTask>
}

export type MailTaskOptions = Omit<MailTaskDependencies, 'store'>

export function createMails({
  database,
  passwords,
  queueMail,
}: {
  database: Pick<Database, 'kysely' | 'transaction'>
  passwords: Passwords
  queueMail: QueueMail
}): Mails {
  const { kysely, transaction } = database
  const confirmations = createEmailConfirmationStore({ transaction, queueMail })
  const resets = createPasswordResetStore({ kysely, transaction, queueMail })
  return {
    routes: [
      createEmailConfirmationRoutes({ store: confirmations }),
      createPasswordResetRoutes({ store: resets, passwords }),
      createLinkPages(),
    ],
    createTasks: (options) => ({
      [mailTaskName]: createMailTask({ ...options, store: createMailStore(database) }),
    }),
  }
}
