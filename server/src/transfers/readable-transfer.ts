/** Who reads a transfer: the owners of both its accounts, and staff. */
import type { FastifyRequest } from 'fastify'
import { problem } from '../http/problem.ts'
import { isStaff } from '../http/roles.ts'
import { present } from '../kernel/assert.ts'
import { decodeId } from '../kernel/ids.ts'
import { viewOf, type TransferView } from './render.ts'
import type { OwnedTransfer, TransferStore } from './store.ts'

/** The transfer of that id, which fits its schema; throws `transfer_not_found`. */
export async function findReadable(
  transfers: Pick<TransferStore, 'find'>,
  request: FastifyRequest,
  idText: string,
): Promise<{ transfer: OwnedTransfer; view: TransferView }> {
  const id = present(decodeId('xfer', idText), 'an id that fits its schema')
  const transfer = await transfers.find(id)
  const view = transfer && viewOf(transfer, request.principal.userId)
  const isReadable = view?.payer || view?.receiver || isStaff(await request.roles())
  if (!transfer || !view || !isReadable) {
    throw problem('transfer_not_found', { hidden: transfer && { prefix: 'xfer', id } })
  }
  return { transfer, view }
}
