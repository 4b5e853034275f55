import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { toStorableText } from '../../base/text.ts';
import type { TriageState } from '../../ports/db/states.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { readPerson } from '../approvals/person.ts';
import { appendAudit } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../run/request.ts';

/** What is to become of a finding, over all runs that find it. */
export interface TriageView {
  /** `open`: nobody has looked yet. One that was resolved is open again once another run finds it. */
  readonly state: TriageState;
  /** The person whose it is. */
  readonly assignee: string | null;
  /** Of the last word, with who said it and when; null: nobody has said anything. */
  readonly note: string | null;
  readonly actor: Actor | null;
  readonly at: Date | null;
}

/** A word on a finding. */
export interface TriageAsk {
  readonly tenantId: number;
  /** Hex. */
  readonly fingerprint: string;
  readonly state: TriageState;
  /** Null: nobody's. @default whoever's it is */
  readonly assignee?: string | null | undefined;
  /** @default none */
  readonly note?: string | undefined;
  readonly actor: Actor;
}

/**
 * Writes down what is to become of a finding. The note is kept with the finding; the audit log has the rest. `pool` acts as `tutti_engine`.
 * @throws FINDING_UNKNOWN · INPUT_INVALID for an assignee that is no name
 */
export async function writeTriage(pool: pg.Pool, ask: TriageAsk): Promise<TriageView> {
  const { tenantId, fingerprint, state, assignee, note, actor } = ask;
  const person = typeof assignee === 'string' ? readPerson(assignee) : assignee;
  const values = [
    ...[tenantId, fingerprint, state, person === undefined, person ?? null],
    ...[toStorableText(note?.trim() ?? '') || null, toJsonb(actor)],
  ];
  return await inTransaction(pool, async (client) => {
    const { rows } = await client.query<TriageView>(
      `UPDATE tutti.triage SET state = $3, assignee = CASE WHEN $4 THEN assignee ELSE $5 END, note = $6, actor = $7, at = clock_timestamp()
       WHERE tenant_id = $1 AND fingerprint = decode($2, 'hex') RETURNING state, assignee, note, actor, at`,
      values,
    );
    const [view] = rows;
    if (!view) throw unknownFinding(fingerprint);
    const action = 'finding.triage';
    await appendAudit(client, { tenantId, actor, action, target: fingerprint, data: { state } });
    return view;
  });
}

/** Nobody has found that. */
export function unknownFinding(fingerprint: string): EngineError {
  return new EngineError(
    'FINDING_UNKNOWN',
    `There is no finding '${fingerprint.slice(0, 64)}'; see: tutti findings --state open`,
  );
}
