import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Schedule } from 'tutti';
import { v7 } from 'uuid';
import type { RegisteredSchedule } from '../../core/sdk/check-schedule.ts';

/** A night as its engine would have left it. */
export interface StoredNight {
  /** @default 1 */
  readonly tenantId?: number;
  readonly status?: string;
  readonly businessDate?: string;
  readonly rehearsal?: boolean;
  /** When it was started. */
  readonly at?: Date;
  /** How long it took; null: it has not ended. @default 60000 */
  readonly durationMs?: number | null;
  readonly findings?: readonly StoredFinding[];
  /** Agents whose step failed. */
  readonly failed?: readonly string[];
  readonly workflow?: string;
  /** @default the group */
  readonly company?: string;
}

interface StoredFinding {
  /** What it is known again by. */
  readonly mark: string;
  readonly agent?: string;
  readonly severity?: string;
  readonly amount?: string;
}

/** Writes a night; returns its id. */
export async function storeNight(pool: pg.Pool, night: StoredNight = {}): Promise<string> {
  const { status = 'succeeded', businessDate = '2026-06-30', at = new Date() } = night;
  const {
    tenantId = 1,
    durationMs = 60_000,
    findings = [],
    failed = [],
    rehearsal = false,
  } = night;
  const id = v7({ msecs: at.getTime() });
  await pool.query(
    `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, created_at, ended_at, company)
     VALUES (${tenantId}, $1, $2, 1, $3, 1, $4, 'UTC', $5, '{}', $6, $7, $8)`,
    [
      ...[id, night.workflow ?? 'nightly', JSON.stringify(rehearsal ? { rehearsal } : {})],
      ...[businessDate, status, at],
      durationMs === null ? null : new Date(at.getTime() + durationMs),
      night.company ?? null,
    ],
  );
  const agents = [...new Set([...findings.map(agentOf), ...failed])];
  for (const [step, agent] of agents.entries()) {
    const isFailed = failed.includes(agent);
    await pool.query(
      `INSERT INTO tutti.step (tenant_id, run_id, id, node, kind, agent, status, attempt, priority, ended_at, error) VALUES (${tenantId}, $1, $2, $3, 'task', $4, $5, 1, 5, $6, $7)`,
      [
        ...[id, step, `node${step}`, agent, isFailed ? 'failed' : 'succeeded', at],
        isFailed ? JSON.stringify({ code: 'MODEL_FAILED', message: '' }) : null,
      ],
    );
  }
  for (const [index, finding] of findings.entries()) {
    const fingerprint = createHash('sha256').update(finding.mark).digest();
    const body = Buffer.from(
      JSON.stringify({ summary: `Anna Muster, ${finding.mark}`, evidence: {} }),
    );
    await pool.query(
      `INSERT INTO tutti.finding (tenant_id, run_id, fingerprint, step, seq, module, agent, kind, severity, company, records, amount, currency)
       VALUES (${tenantId}, $1, $2, 0, $3, $4, $5, 'duplicate_invoice', $6, 'DE01', $7, $8, 'EUR')`,
      [
        ...[id, fingerprint, index + 1, agentOf(finding).split('.')[0], agentOf(finding)],
        ...[finding.severity ?? 'high', JSON.stringify([{ entity: 'invoice', id: finding.mark }])],
        finding.amount ?? null,
      ],
    );
    await pool.query(
      `INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, sha256, size, body) VALUES (${tenantId}, $1, $2, 'finding', 'json', '\\x00', $3, $4)`,
      [id, index + 1, body.length, body],
    );
  }
  return id;
}

/** Schedules as an engine knows them that has checked them. */
export function registeredOf(
  schedules: readonly Schedule[],
): ReadonlyMap<string, RegisteredSchedule> {
  return new Map(
    schedules.map((schedule) => [schedule.name, { module: null, schedule, takesSlot: false }]),
  );
}

function agentOf({ agent = 'finance.match' }: StoredFinding): string {
  return agent;
}
