/** How the demo talks: headings, lines, amounts, and a bar while something takes its time. */
import { formatMinor } from '../server/src/cli/table.ts'

export function heading(text: string): void {
  process.stdout.write(`\n${text}\n${'─'.repeat(text.length)}\n`)
}

export function line(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** 1050 is 10.50. */
export function euros(minor: number): string {
  return formatMinor(BigInt(minor), 2)
}

export function count(number: number): string {
  return number.toLocaleString('en')
}

/** Draws over itself, on a terminal only. */
export function showProgress(done: number, total: number): void {
  if (!process.stderr.isTTY) return
  const width = 40
  const bar = '█'.repeat(Math.round((done / total) * width)).padEnd(width, '░')
  const end = done === total ? '\r\u001b[K' : ''
  process.stderr.write(`\r${bar} ${count(done)} of ${count(total)}${end}`)
}
