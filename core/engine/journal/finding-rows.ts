import { sql } from 'kysely';
import { bodyText } from '../../ports/db/vault.ts';
import type { FindingView } from '../history/views.ts';

/** A row of `findingColumns`. */
export type FindingRow = Omit<FindingView, 'id' | 'summary' | 'evidence'> & {
  readonly seq: number;
  readonly body: string | null;
};

/** The columns of a `FindingRow`, over `findingRows`. */
export const findingColumns = sql.raw(`f.run_id, f.seq, encode(f.fingerprint, 'hex') AS fingerprint,
  coalesce(t.first_run <> f.run_id, false) AS known, f.step AS step_id, f.module, f.agent, f.kind, f.severity, f.company, f.records,
  f.amount, f.currency, f.simulated, ${bodyText('p')} AS body`);

/** Findings `f`, each with its triage `t`, which one of a rehearsal has none of, and its body `p`. */
export const findingRows = sql.raw(`tutti.finding f
  LEFT JOIN tutti.triage t ON t.tenant_id = f.tenant_id AND t.fingerprint = f.fingerprint
  LEFT JOIN tutti.payload p ON p.tenant_id = f.tenant_id AND p.run_id = f.run_id AND p.seq = f.seq AND p.part = 0`);

/** What a row says to people; nothing of its text once that has been erased. */
export function toFinding({ body, seq, ...row }: FindingRow): FindingView {
  const kept = (body === null ? {} : JSON.parse(body)) as Partial<FindingView>;
  const { summary = '', evidence = {} } = kept;
  return { id: `${row.runId}/${seq}`, ...row, summary, evidence };
}
