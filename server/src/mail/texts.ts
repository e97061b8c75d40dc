/** The words of all mails, as functions. Plain text in English; lines are short enough for any reader. */
import type { MailText } from './message.ts'

// The name that a stranger chose at sign-up never comes here: it could be an advertisement that the bank
// would then mail to anyone. A username is made of letters, digits and underscores.
interface Reader {
  username: string
}

export function confirmationMail(reader: Reader, link: string): MailText {
  return {
    subject: 'Confirm your e-mail address',
    text: letter(reader, [
      `the user ${reader.username} of our bank gave this e-mail address. To confirm that it is\nyours, open this link within 15 minutes:`,
      link,
      'If you are not that user, do nothing: the address will not be used.',
    ]),
  }
}

/** To the holder of an address that somebody signed up with once more. */
export function addressInUseMail(reader: Reader, resetLink: string): MailText {
  return {
    subject: 'You are a customer already',
    text: letter(reader, [
      `somebody gave this e-mail address for a user of our bank, and it is yours already: your\nusername is ${reader.username}. The address stays with you.`,
      'If it was you and you have forgotten your password, set a new one within 15 minutes:',
      resetLink,
      'If it was not you, there is nothing to do.',
    ]),
  }
}

export function resetMail(reader: Reader, link: string): MailText {
  return {
    subject: 'Set a new password',
    text: letter(reader, [
      `somebody asked for a new password of the user ${reader.username}. To set one, open this\nlink within 15 minutes:`,
      link,
      'If it was not you, do nothing: your password stays as it is.',
    ]),
  }
}

export const noticeKinds = [
  'password_reset',
  'email_changed',
  'second_factor_added',
  'second_factor_removed',
] as const

export type NoticeKind = (typeof noticeKinds)[number]

const notices = {
  password_reset: [
    'Your password was changed',
    'has a new password, set with a link from a mail to\nthis address. All sessions have ended.',
  ],
  email_changed: [
    'Your e-mail address was changed',
    'has another e-mail address from now on. Mails about\nit no longer come here.',
  ],
  second_factor_added: [
    'A second factor was added',
    'now needs a code from an app besides the password\nto log in.',
  ],
  second_factor_removed: ['The second factor was removed', 'now logs in with the password alone.'],
} as const satisfies Record<NoticeKind, readonly [string, string]>

/** Tells that something about the security of a user has changed. */
export function noticeMail(reader: Reader, kind: NoticeKind): MailText {
  const [subject, sentence] = notices[kind]
  return {
    subject,
    text: letter(reader, [
      `your user ${reader.username} ${sentence}`,
      'If that was not you, tell us at once.',
    ]),
  }
}

function letter({ username }: Reader, paragraphs: readonly string[]): string {
  return [`Hello ${username},`, ...paragraphs, 'Your bank'].join('\n\n') + '\n'
}
