/**
 * The answers to dry runs: what the request would have been answered, and a preview of the accounts.
 * Owners see their own side only, staff the customers' accounts, as in all other answers.
 */
import { Type, type Static } from 'typebox'
import { BalanceSchema, named, nullable } from '../http/schema.ts'
import { MINOR_MAX, toMinor } from '../kernel/money.ts'
import type { Preview } from '../ledger/ledger.ts'
import { TransferSchema } from './schema.ts'

const BalancesSchema = named(
  'PreviewedBalances',
  Type.Object(
    {
      ledger_balance: BalanceSchema,
      held: BalanceSchema,
      available_balance: BalanceSchema,
    },
    { additionalProperties: false },
  ),
)

export const PreviewSchema = named(
  'Preview',
  Type.Object(
    {
      from_account: Type.Optional(BalancesSchema),
      to_account: Type.Optional(BalancesSchema),
      limits: Type.Object(
        {
          transfer: Type.Integer({
            minimum: 0,
            maximum: MINOR_MAX,
            description: 'The most that one transfer may move, in minor units',
            examples: [1_000_000],
          }),
          daily_remaining: nullable(
            Type.Integer({
              minimum: 0,
              description: 'What the account could still pay on the day; null without such a limit',
              examples: [50_000],
            }),
          ),
        },
        { additionalProperties: false },
      ),
    },
    {
      description:
        'Balances as they would be, of the accounts that you may see, and what would be left of the limits of the account that pays',
      additionalProperties: false,
    },
  ),
)

/** What a dry run adds to the answer of success. */
export const dryRunMembers = { dry_run: Type.Literal(true), preview: PreviewSchema }

export const DryRunTransferSchema = named(
  'DryRunTransfer',
  Type.Object(
    { ...TransferSchema.properties, ...dryRunMembers },
    {
      description:
        'The transfer that would be posted; its id and time mean nothing, nor does the id of an account of the bank that it would open',
      additionalProperties: false,
    },
  ),
)

/** On whose say-so it was tried: the owner of the account that pays, or staff. */
export type Asker = 'owner' | 'staff'

/** The answer to a dry run, from that of success. */
export function dryRunOf<Body extends object>(body: Body, preview: Preview, asker: Asker) {
  return { ...body, dry_run: true as const, preview: renderPreview(preview, asker) }
}

export function renderPreview(
  { debit, credit, limits }: Preview,
  asker: Asker,
): Static<typeof PreviewSchema> {
  const isStaff = asker === 'staff'
  return {
    ...((!isStaff || debit.ownerId !== null) && { from_account: balancesOf(debit) }),
    ...(isStaff && credit && credit.ownerId !== null && { to_account: balancesOf(credit) }),
    limits: { transfer: limits.transfer, daily_remaining: limits.dailyRemaining },
  }
}

function balancesOf({ ledgerBalance, held, overdraftLimit }: Preview['debit']) {
  return {
    ledger_balance: toMinor(ledgerBalance),
    held,
    available_balance: toMinor(ledgerBalance - BigInt(held) + BigInt(overdraftLimit)),
  }
}
