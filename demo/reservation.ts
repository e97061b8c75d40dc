/** A hold that is captured in part, and a reversal of a part of that, with both balances after each. */
import { randomUUID } from 'node:crypto'
import { formatTable } from '../server/src/cli/table.ts'
import type { Api, Json } from '../tools/api.ts'
import type { Account } from './people.ts'
import { euros, line } from './print.ts'

export async function showReservation(api: Api, guest: Account, hotel: Account): Promise<void> {
  const post = (path: string, { token }: Account['owner'], body: Json) =>
    api.call('POST', path, { token, idempotencyKey: randomUUID(), body })
  const lines = [['', 'state of the hold', 'her balance', 'held', 'available', 'his balance']]
  let holdId: string | undefined

  async function look(what: string): Promise<void> {
    const { token } = guest.owner
    const hold = holdId && (await api.call('GET', `/v1/holds/${holdId}`, { token }))
    const hers = await api.call('GET', `/v1/accounts/${guest.id}`, { token })
    const his = await api.call('GET', `/v1/accounts/${hotel.id}`, { token: hotel.owner.token })
    const amounts = [
      hers['ledger_balance'],
      hers['held'],
      hers['available_balance'],
      his['ledger_balance'],
    ]
    const state = hold ? String(hold['state']) : ''
    lines.push([what, state, ...amounts.map((amount) => euros(Number(amount)))])
  }

  await look('before')
  const hold = await post('/v1/holds', guest.owner, {
    from_account_id: guest.id,
    to_account_id: hotel.id,
    amount: 8000,
    currency: 'EUR',
  })
  holdId = api.text(hold, 'id')
  await look('80.00 held')
  const captured = await post(`/v1/holds/${holdId}/capture`, guest.owner, { amount: 6500 })
  await look('65.00 captured')
  const { id } = captured
  await post(`/v1/transfers/${String(id)}/reversals`, hotel.owner, { amount: 1500 })
  await look('15.00 reversed')
  line(formatTable(lines, [2, 3, 4, 5]))
  const late = await api.send('POST', `/v1/holds/${holdId}/capture`, {
    token: guest.owner.token,
    idempotencyKey: randomUUID(),
    body: {},
  })
  line(`captured again: ${late.status} ${String(late.body['code'])}`)
}
