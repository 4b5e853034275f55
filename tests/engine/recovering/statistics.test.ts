import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { History } from '../../../core/engine/history/history.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const dayMs = 86_400_000;

describe('the statistics of failures', () => {
  let fresh: FreshDatabase;
  let history: History;
  let tenantId: number;
  const now = Date.now();
  const ago = (days: number) => new Date(now - days * dayMs);

  before(async () => {
    fresh = await freshDatabase();
    history = new History(fresh.database);
    tenantId = await aTenant('ours');
    const other = await aTenant('other');
    const run = await aRun(tenantId, null);
    const steps: readonly (readonly [number, string | null, string | null, number])[] = [
      [1, 'lab.match', 'OUTPUT_INVALID', 1],
      [2, 'lab.match', null, 0],
      [3, null, 'AGENT_FAILED', 0],
    ];
    for (const [id, agent, code, days] of steps)
      await aStep({ tenantId, run, id, agent, code, at: ago(days) });
    const tries: readonly (readonly [number, number, string | null, number, string])[] = [
      [1, 1, 'AGENT_TIMEOUT', 3, 'timed_out'],
      [1, 2, 'OUTPUT_INVALID', 1, 'failed'],
      [2, 1, 'AGENT_TIMEOUT', 0, 'timed_out'],
      [2, 2, 'LANE_LOST', 0, 'lost'],
      [2, 3, 'CODE_OF_TOMORROW', 0, 'failed'],
      [2, 4, 'CANCELLED', 0, 'cancelled'],
      [2, 5, null, 0, 'succeeded'],
    ];
    for (const [id, no, code, days, outcome] of tries)
      await anAttempt({ tenantId, run, id, no, code, at: ago(days), outcome });
    await anEntry(run, 1, { tool: 'lab.crate.look', outcome: 'error', code: 'TOOL_FAILED' });
    await anEntry(run, 2, { tool: 'lab.crate.look', outcome: 'result' });
    // Too long ago, by its own time and by its run's end; and of another tenant.
    await aStep({ tenantId, run, id: 4, agent: 'lab.old', code: 'TOOL_FAILED', at: ago(9) });
    const ended = await aRun(tenantId, ago(8));
    await aStep({ tenantId, run: ended, id: 1, agent: 'lab.old', code: 'TOOL_FAILED', at: ago(8) });
    const foreign = await aRun(other, null);
    await aStep({
      tenantId: other,
      run: foreign,
      id: 1,
      agent: 'lab.match',
      code: 'TOOL_FAILED',
      at: ago(0),
    });
  });
  after(function () {
    return fresh.drop(this);
  });

  const query = (text: string, values: readonly unknown[]) =>
    fresh.database.pool('tutti_engine', 1).query(text, [...values]);
  const aTenant = (slug: string) => new Store(fresh.database.pool('tutti_engine', 1)).tenant(slug);

  async function aRun(tenant: number, endedAt: Date | null): Promise<string> {
    const id = newId();
    await query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, ended_at)
       VALUES ($1, $2, 'lab', 1, '{}', 2, '2026-06-30', 'UTC', 'running', '{}', $3)`,
      [tenant, id, endedAt],
    );
    return id;
  }

  async function aStep(step: {
    readonly tenantId: number;
    readonly run: string;
    readonly id: number;
    readonly agent: string | null;
    readonly code: string | null;
    readonly at: Date;
  }): Promise<void> {
    const status = step.code === null ? 'succeeded' : 'failed';
    await query(
      `INSERT INTO tutti.step (tenant_id, run_id, id, node, kind, agent, status, priority, ended_at, error)
       VALUES ($1, $2, $3, 'node' || $3::int, $4, $5, $6, 5, $7, $8)`,
      [
        step.tenantId,
        step.run,
        step.id,
        step.agent === null ? 'foreach' : 'task',
        step.agent,
        status,
        step.at,
        step.code && { code: step.code, message: 'no' },
      ],
    );
  }

  async function anAttempt(attempt: {
    readonly tenantId: number;
    readonly run: string;
    readonly id: number;
    readonly no: number;
    readonly code: string | null;
    readonly at: Date;
    readonly outcome: string;
  }): Promise<void> {
    const { code } = attempt;
    await query(
      `INSERT INTO tutti.attempt (tenant_id, run_id, step, no, worker, started_at, ended_at, outcome, error)
       VALUES ($1, $2, $3, $4, 'lane', $5, $5, $6, $7)`,
      [
        attempt.tenantId,
        attempt.run,
        attempt.id,
        attempt.no,
        attempt.at,
        attempt.outcome,
        code && { code, message: 'no' },
      ],
    );
  }

  async function anEntry(run: string, seq: number, data: object): Promise<void> {
    await query(
      `INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data) VALUES ($1, $2, $3, 'tool.called', $4)`,
      [tenantId, run, seq, data],
    );
  }

  it('count tries and steps by code, category, severity, agent, day and tool', async () => {
    verifies('R8.statistics');
    const statistics = await history.failures(tenantId, 7);

    const short = (counts: readonly { name: string; attempts: number; steps: number }[]) =>
      counts.map(({ name, attempts, steps }) => `${name} ${attempts} ${steps}`);
    assert.deepEqual([statistics.attempts, statistics.steps], [5, 2]);
    assert.deepEqual(short(statistics.byCode), [
      'AGENT_TIMEOUT 2 0',
      'OUTPUT_INVALID 1 1',
      'CODE_OF_TOMORROW 1 0',
      'LANE_LOST 1 0',
      'AGENT_FAILED 0 1',
    ]);
    assert.deepEqual(short(statistics.byCategory), [
      'TIMEOUT_ERROR 2 0',
      'AGENT_ERROR 1 2',
      'SYSTEM_ERROR 1 0',
      'UNKNOWN 1 0',
    ]);
    assert.deepEqual(short(statistics.bySeverity), ['medium 4 2', 'unknown 1 0']);
    assert.deepEqual(short(statistics.byAgent), ['lab.match 5 1', 'foreach 0 1']);
    assert.deepEqual(short(statistics.byTool), ['lab.crate.look 1 0']);
    assert.deepEqual(
      short(statistics.byDay),
      [3, 1, 0].map((days, index) => {
        const counts = ['1 0', '1 1', '3 1'][index];
        return `${ago(days).toISOString().slice(0, 10)} ${counts}`;
      }),
    );
  });

  it('say when something was seen first and last, and what a code means', async () => {
    const { byCode } = await history.failures(tenantId, 7);
    const timeout = byCode.find(({ name }) => name === 'AGENT_TIMEOUT');

    assert.deepEqual(timeout?.firstSeen, ago(3));
    assert.deepEqual(timeout?.lastSeen, ago(0));
    assert.deepEqual([timeout?.category, timeout?.severity], ['TIMEOUT_ERROR', 'medium']);
  });

  it('go back as far as they are asked to', async () => {
    assert.equal((await history.failures(tenantId, 2)).attempts, 4);
    assert.equal((await history.failures(tenantId, 30)).steps, 4);
    assert.deepEqual((await history.failures(0, 30)).byCode, []);
  });
});
