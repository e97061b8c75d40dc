import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { Defect } from '../kernel/assert.ts'
import { Fault } from '../kernel/fault.ts'
import { classifyDatabaseError, isUniqueViolation, sqlStateOf } from './errors.ts'

function databaseError(code: string, constraint?: string): DatabaseError {
  const error = new DatabaseError('connection terminated unexpectedly', 0, 'error')
  error.code = code
  error.constraint = constraint
  return error
}

test.each([
  ['40001', 'retry'],
  ['40P01', 'retry'],
  ['55P03', 'retry'],
  ['08006', 'unavailable'],
  ['25006', 'unavailable'],
  ['25P03', 'unavailable'],
  ['28P01', 'unavailable'],
  ['53300', 'unavailable'],
  ['57P01', 'unavailable'],
  ['57014', 'unavailable'],
  ['58030', 'unavailable'],
  ['23505', 'conflict'],
  ['23514', 'data'],
  ['22021', 'data'],
  ['42P01', 'defect'],
  ['42501', 'defect'],
  ['25P02', 'defect'],
  ['40002', 'defect'],
  ['XX000', 'defect'],
] as const)('SQLSTATE %s is %s, whatever the message says', (code, expected) => {
  expect(classifyDatabaseError(databaseError(code))).toBe(expected)
})

test.each([
  ['an error of the driver', new Error('whatever')],
  ['a socket error', Object.assign(new Error('x'), { code: 'EPIPE', syscall: 'write' })],
  ['all addresses of a name refusing', new AggregateError([new Error('x')])],
  ['a Fault', new Fault('unavailable', 'x')],
])('%s has no SQLSTATE and means that the database is unavailable', (_name, error) => {
  expect(sqlStateOf(error)).toBeUndefined()
  expect(classifyDatabaseError(error)).toBe('unavailable')
})

test.each([
  ['a failed assertion', new Defect('40001')],
  ['an error of the language', new TypeError('08006')],
  ['a value that is no error', '57P01'],
])('%s is a defect', (_name, error) => {
  expect(classifyDatabaseError(error)).toBe('defect')
})

test('a unique violation is told by its constraint', () => {
  const error = databaseError('23505', 'app_user_username_key')
  expect(isUniqueViolation(error, 'app_user_username_key')).toBe(true)
  expect(isUniqueViolation(error, 'app_user_verified_email')).toBe(false)
  expect(isUniqueViolation(databaseError('23514', 'app_user_username_key'), 'x')).toBe(false)
})
