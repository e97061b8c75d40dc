/** What a user is, and the rules for what people say about themselves. */
import type { Role } from '../../http/route.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { isCleanText } from '../../kernel/text.ts'
import { passwordRefusalDetail, refusePassword } from '../passwords/password.ts'

export const userStatuses = ['active', 'disabled'] as const
export type UserStatus = (typeof userStatuses)[number]

export interface User {
  id: Uuid
  username: string
  fullName: string
  email: string
  emailVerified: boolean
  roles: readonly Role[]
  status: UserStatus
  createdAt: Date
}

export const roles = ['customer', 'teller', 'auditor', 'admin'] as const satisfies readonly Role[]

/** As people may type it. It is stored in lower case. */
export const usernamePattern = '^[A-Za-z0-9_]{3,64}$'

// The characters of HTML's e-mail input, with dots only between others, and a domain of at least two
// labels. No quotes, comments or blanks, and so no CR LF for a mail header to trip over.
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
export const emailPattern = `^(?=[^@]{1,64}@)${atom}(?:\\.${atom})*@(?:${label}\\.)+${label}$`
export const emailLengthMax = 254
export const fullNameCodePointsMax = 100

const usernameRegExp = new RegExp(usernamePattern, 'u')
const emailRegExp = new RegExp(emailPattern, 'u')

/** The stored form of a username, or `undefined` for a text that can be nobody's. */
export function normalizeUsername(text: string): string | undefined {
  // The pattern first: lower-casing turns some letters beyond ASCII into ASCII ones.
  return usernameRegExp.test(text) ? text.toLowerCase() : undefined
}

export interface UserText {
  username?: string | undefined
  fullName?: string | undefined
  email?: string | undefined
  password?: string | undefined
}

export interface UserTextFinding {
  member: keyof UserText
  code: string
  detail: string
}

/** What is wrong with each of these, for people. Absent ones are not judged. */
export function findUserTextProblems(text: UserText): UserTextFinding[] {
  const findings: UserTextFinding[] = []
  const { username, fullName, email, password } = text
  if (username !== undefined && normalizeUsername(username) === undefined) {
    const detail = 'must be 3 to 64 letters a-z, digits or underscores'
    findings.push({ member: 'username', code: 'pattern', detail })
  }
  if (fullName !== undefined && !isCleanText(fullName, fullNameCodePointsMax)) {
    const detail =
      `must be 1 to ${fullNameCodePointsMax} characters in Unicode NFC, not only blanks, ` +
      'without control or direction characters'
    findings.push({ member: 'fullName', code: 'text', detail })
  }
  if (email !== undefined && (email.length > emailLengthMax || !emailRegExp.test(email))) {
    const detail = `must be an e-mail address of at most ${emailLengthMax} characters`
    findings.push({ member: 'email', code: 'email', detail })
  }
  const refusal = password === undefined ? undefined : refusePassword(password)
  if (refusal !== undefined) {
    findings.push({ member: 'password', code: refusal, detail: passwordRefusalDetail[refusal] })
  }
  return findings
}
