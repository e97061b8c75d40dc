import { expect, test } from 'vitest'
import {
  parseAddress,
  parseDatabaseUrl,
  parseDuration,
  parseLimit,
  parseMailFrom,
  parseNetwork,
  parseOrigin,
  parseSmtpUrl,
  parseTimeZone,
  parseWebUrl,
} from './parsers.ts'

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
  ['bank.internal:65535', { host: 'bank.internal', port: 65_535 }],
  ['[::]:80', { host: '::', port: 80 }],
])('the address %s is read', (text, value) => {
  expect(parseAddress(text)).toEqual({ value })
})

test.each(['', '8080', ':8080', '::1:80', 'host:', 'host:65536', 'host:-1', 'http://host:80'])(
  'the address %j is refused',
  (text) => {
    expect(parseAddress(text)).toHaveProperty('problem')
  },
)

test.each([
  ['0', 0],
  ['250ms', 250],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['1d', 86_400_000],
])('the duration %s is read', (text, value) => {
  expect(parseDuration(0, '7d')(text)).toEqual({ value })
})

test.each(['', '15', '1.5s', '-1s', 's', '1 s', '1w', '8d'])(
  'the duration %j is refused',
  (text) => {
    expect(parseDuration(0, '7d')(text)).toHaveProperty('problem')
  },
)

test.each([
  ['postgresql://u:p%40ss@host:5432/bank?sslmode=require', true],
  ['postgres:///bank?host=/run/postgresql', true],
  ['mysql://host/bank', false],
  ['postgresql://host', false],
  ['host=localhost dbname=bank', false],
])('the database URL %s: %s', (text, valid) => {
  expect('value' in parseDatabaseUrl(text)).toBe(valid)
})

test.each([
  ['https://bank.example.com', true],
  ['http://localhost:5173', true],
  ['https://bank.example.com/', false],
  ['https://bank.example.com:443', false],
  ['bank.example.com', false],
  ['*', false],
  ['null', false],
])('the origin %s: %s', (text, valid) => {
  expect('value' in parseOrigin(text)).toBe(valid)
})

test.each([
  ['10.0.0.0/8', true],
  ['::1', true],
  ['fd00::/129', false],
  ['10.0.0.0/33', false],
  ['10.0.0.0/8/8', false],
  ['loopback', false],
])('the network %s: %s', (text, valid) => {
  expect('value' in parseNetwork(text)).toBe(valid)
})

test.each([
  ['UTC', true],
  ['Europe/Berlin', true],
  ['+01:00', false],
  ['Mars/Base', false],
])('the time zone %s: %s', (text, valid) => {
  expect('value' in parseTimeZone(text)).toBe(valid)
})

test.each([
  ['smtp://localhost:25', true],
  ['smtps://user:p%40ss@smtp.example.com', true],
  ['smtp://[::1]:2525/', true],
  ['http://smtp.example.com', false],
  ['smtp://', false],
  ['smtp://host/?tls=none', false],
  ['smtp.example.com:25', false],
])('the mail server %s: %s', (text, valid) => {
  expect('value' in parseSmtpUrl(text)).toBe(valid)
})

test.each([
  ['no-reply@bank.example', true],
  ['Example Bank <no-reply@bank.example>', true],
  ['Example Bank', false],
  ['a@b@c', false],
  ['Bank <a@b.example>, c@d.example', false],
  ['Bank\r\nBcc: <a@b.example>', false],
])('mails from %j: %s', (text, valid) => {
  expect('value' in parseMailFrom(text)).toBe(valid)
})

test.each([
  ['https://bank.example.com', 'https://bank.example.com'],
  ['http://127.0.0.1:8080/pay/', 'http://127.0.0.1:8080/pay'],
])('the public URL %s is read', (text, value) => {
  expect(parseWebUrl(text)).toEqual({ value })
})

test.each([
  'bank.example.com',
  'ftp://bank',
  'https://bank/?a=b',
  'https://bank/#a',
  'https://u:p@b',
])('the public URL %j is refused', (text) => {
  expect(parseWebUrl(text)).toHaveProperty('problem')
})

test.each([
  ['off', 'off'],
  ['1/1s', { count: 1, periodMilliseconds: 1000 }],
  ['100/1h30m', { count: 100, periodMilliseconds: 5_400_000 }],
])('the limit %s is read', (text, value) => {
  expect(parseLimit(text)).toEqual({ value })
})

test.each(['', '10', '0/1m', '10/', '10/0', '10/999ms', '10/25h', '-1/1m', '1.5/1m', '10/1m/1m'])(
  'the limit %j is refused',
  (text) => {
    expect(parseLimit(text)).toHaveProperty('problem')
  },
)
