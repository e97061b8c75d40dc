/** All routes of the bank, with the stores that they read from. */
import { createAccountAdminRoutes } from './accounts/admin-routes.ts'
import { createAccountOwnerRoutes } from './accounts/owner-routes.ts'
import { createAccountRoutes } from './accounts/routes.ts'
import { createAccountStore } from './accounts/store.ts'
import { createAuditEventRoutes } from './audit-events/routes.ts'
import { createAuditEventStore } from './audit-events/store.ts'
import { createBankAccountRoutes } from './bank-accounts/routes.ts'
import { createBankAccountStore } from './bank-accounts/store.ts'
import type { Config } from './config/config.ts'
import { createCurrencyRoutes } from './currencies/routes.ts'
import type { Database } from './database/database.ts'
import { createDepositRoutes } from './deposits/routes.ts'
import { createEntryRoutes } from './entries/routes.ts'
import { createEntryStore } from './entries/store.ts'
import { createHoldReadRoutes } from './holds/read-routes.ts'
import { createHoldRoutes } from './holds/routes.ts'
import { createHoldStore } from './holds/store.ts'
import type { Routes } from './http/route.ts'
import type { Identity } from './identity/identity.ts'
import { present } from './kernel/assert.ts'
import { findCurrency } from './kernel/currency.ts'
import type { LedgerEngine } from './ledger/ledger.ts'
import { createAccountNames } from './ledger/postgres/account-names.ts'
import { createPayeeRoutes } from './payees/routes.ts'
import { createPayeeStore } from './payees/store.ts'
import { createPresence, notePresence } from './transfers/bulk/presence.ts'
import { createBulkRoutes } from './transfers/bulk/routes.ts'
import { createReversalRoutes } from './transfers/reversal-routes.ts'
import { createTransferRoutes } from './transfers/routes.ts'
import { createTransferStore } from './transfers/store.ts'

export function createRoutes(
  config: Config,
  database: Database,
  engine: LedgerEngine,
  identity: Identity,
): Routes[] {
  const presence = createPresence()
  const ledger = notePresence(engine, presence)
  const currencies = config.bank.currencies.map((code) => present(findCurrency(code), code))
  const { accountsPerUserMax: accountsMax } = config.bank
  const accounts = createAccountStore(database)
  const transfers = createTransferStore(database)
  const holds = createHoldStore(database)
  const entries = createEntryStore(database)
  return [
    identity.userRoutes,
    identity.userAdminRoutes,
    identity.sessionRoutes,
    identity.secondFactorRoutes,
    identity.apiKeyRoutes,
    ...identity.mailRoutes,
    createCurrencyRoutes({ currencies }),
    createAccountRoutes({ ledger, accounts, balances: entries, currencies, accountsMax }),
    createAccountOwnerRoutes({ ledger, names: createAccountNames(database), accounts }),
    createAccountAdminRoutes({ ledger, accounts }),
    createEntryRoutes({ ledger, entries }),
    createPayeeRoutes({ payees: createPayeeStore(database), currencies }),
    createTransferRoutes({ ledger, transfers, currencies }),
    createBulkRoutes({ ledger: engine, currencies, presence }),
    createReversalRoutes({ ledger, transfers }),
    createHoldRoutes({ ledger, holds, currencies }),
    createHoldReadRoutes({ ledger, holds }),
    createDepositRoutes({ ledger, currencies }),
    createBankAccountRoutes({ ledger, bankAccounts: createBankAccountStore(database), currencies }),
    createAuditEventRoutes({ auditEvents: createAuditEventStore(database) }),
  ]
}
