import { canonicalJson } from '../../base/ids.ts';
import { toStorableText } from '../../base/text.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import type { Actor } from '../run/request.ts';

/** A change that somebody made. */
export interface AuditedChange {
  /** Whose chain it goes to; 0 for what belongs to no tenant: a setting of the whole installation, a tenant that is made. */
  readonly tenantId: number;
  readonly actor: Actor;
  /** `noun.verb`: `setting.put`, `key.revoke`. */
  readonly action: string;
  /** The noun's id or name. */
  readonly target: string;
  /** Ids, numbers and codes only, never words of a person and never a secret: the row outlives every erasure. @default {} */
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * Appends a row to a tenant's audit log, in the transaction that `client` is in, which is the one of the change: both are there, or neither.
 * From here to the end of that transaction all others that append for this tenant wait, so it is the transaction's last statement, after
 * every other lock: an appender that waited for a lock afterwards could wait for somebody who waits for this one. READ COMMITTED only; one
 * round trip.
 */
export async function appendAudit(client: Queryable, change: AuditedChange): Promise<void> {
  const values = [change.tenantId, ...auditTexts(change)];
  await client.query('SELECT tutti.append_audit($1, $2, $3, $4, $5)', values);
}

/**
 * What `tutti.append_audit` takes behind the tenant: for a change that is one statement, whose last act it is. There it belongs into the
 * statement's own list of columns, because a query that nobody reads from is not carried out.
 */
export function auditTexts({
  actor,
  action,
  target,
  data = {},
}: Omit<AuditedChange, 'tenantId'>): readonly [
  actor: string,
  action: string,
  target: string,
  data: string,
] {
  return [textOf(actor), textOf(action), textOf(target), textOf(data)];
}

/** Whether what somebody does is written into the audit log: people and keys are; agents and schedules stand in the journals of runs. */
export function isAudited({ kind }: Actor): boolean {
  return kind === 'person' || kind === 'key';
}

/** Canonical JSON (RFC 8785) of what a database takes, in which the escapes of NUL and of half a surrogate pair stand for nothing. */
function textOf(value: unknown): string {
  const storable = JSON.stringify(value, (_name, each: unknown) =>
    typeof each === 'string' ? toStorableText(each) : each,
  );
  return canonicalJson(JSON.parse(storable));
}
