/**
 * The face of the ledger: what other modules may import. How money moves stays inside.
 */
export type {
  AccountChange,
  AccountState,
  BankAccount,
  CaptureInstruction,
  ChangeAccountInstruction,
  ChangeAccountOutcome,
  ChangeAccountRefusal,
  GroupOutcome,
  Hold,
  HoldInstruction,
  HoldOutcome,
  HoldState,
  IdempotencyKey,
  Instruction,
  LedgerEngine,
  MovementKind,
  OpenAccountInstruction,
  OpenAccountOutcome,
  OpenedAccount,
  Party,
  PostedTransfer,
  PostingInstruction,
  PostOptions,
  Preview,
  ReleaseInstruction,
  ReversalInstruction,
  TransferInstruction,
  TransferKind,
  TransferOutcome,
  Words,
} from './engine.ts'
export type { AccountNames } from './postgres/account-names.ts'
export { auditLedger } from './audit/audit.ts'
export type { AuditOptions, AuditProgress, AuditReport } from './audit/audit.ts'
export type { AuditFinding } from './audit/finding.ts'
export { acceptVerdict, createScheduledAudit } from './audit/scheduled-audit.ts'
export type { AuditState, ScheduledAudit } from './audit/scheduled-audit.ts'
export { trialBalance } from './audit/trial-balance.ts'
export type { TrialBalance, TrialBalanceLine } from './audit/trial-balance.ts'
export type { BatchTelemetry, LedgerTelemetry } from './telemetry.ts'
export { groupSizeMax } from './core/group.ts'
export { refusalOrder } from './core/refusals.ts'
export type { Refusal, RefusalCode, Side } from './core/refusals.ts'
