import assert from 'node:assert/strict';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

describe('duties over runs', () => {
  let desk: TestEngine;
  let tenantId: number;

  before(async () => {
    desk = await openTestEngine(new URL('../support/fixtures/duties.config.ts', import.meta.url));
    tenantId = await desk.host.store.tenant('desk');
  });
  after(function () {
    return desk.close(this);
  });

  async function query<T extends object>(text: string, ...values: readonly unknown[]) {
    const pool = desk.host.database.pool('tutti_engine', 1);
    return (await pool.query<T>(text, [...values])).rows;
  }

  /** Runs a workflow that somebody has asked for; what it answers. */
  async function run(workflow: string, code: string, person: string | null): Promise<unknown> {
    const actor =
      person === null
        ? ({ kind: 'schedule', id: 'nightly' } as const)
        : ({ kind: 'person', id: person } as const);
    const request = requestOf(workflow, { tenantId, input: { code } });
    const { id } = await desk.engine.startRun({ ...request, actor });
    assert.equal(await desk.engine.whenEnded(id), 'succeeded');
    const [found] = await query<{ became: unknown }>(
      `SELECT convert_from(p.body, 'UTF8')::jsonb->>'became' AS became FROM tutti.entry e JOIN tutti.payload p USING (tenant_id, run_id, seq)
       WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
      id,
    );
    return found?.became;
  }

  const isPaid = async (code: string): Promise<boolean | undefined> =>
    (await query<{ paid: boolean }>(`SELECT paid FROM erp.payee WHERE code = $1`, code))[0]?.paid;

  it('are apart for one person, whose two runs do one each, and journalled by their rule', async () => {
    verifies('R12.duties');
    assert.equal(await run('create', 'P1', 'cli:anna'), 'applied');

    assert.equal(await run('pay', 'P1', 'Anna'), 'duties.lineage');
    assert.equal(await isPaid('P1'), false);
    const lines = await query(
      `SELECT data->>'outcome' AS outcome FROM tutti.entry WHERE kind = 'tool.called' AND data->>'rule' = 'duties.lineage'`,
    );
    assert.deepEqual(lines, [{ outcome: 'refused' }]);
    assert.equal(await run('pay', 'P1', 'bob'), 'applied');
    assert.equal(await isPaid('P1'), true);
  });

  it('may be done by two agents of two schedules', async () => {
    assert.equal(await run('create', 'P2', null), 'applied');

    assert.equal(await run('pay', 'P2', null), 'applied');
  });

  it('keep in mind what an effect was done to, what it came from and who stood in', async () => {
    assert.equal(await run('stand_in', 'P3', null), 'applied');
    assert.equal(await run('pay', 'P3', null), 'applied');

    const rows = await query(
      `SELECT e.actor, d.part, d.entity, d.record_id = p.id::text AS is_payee FROM tutti.effect e
       JOIN tutti.effect_document d USING (tenant_id, key) JOIN erp.payee p ON p.code = 'P3' AND d.record_id = p.id::text ORDER BY e.duty`,
    );
    const payee = { entity: 'payee', is_payee: true };
    assert.deepEqual(rows, [
      {
        actor: { kind: 'agent', id: 'desk.ill', acting: 'desk.creator' },
        part: 'made',
        ...payee,
      },
      { actor: { kind: 'agent', id: 'desk.payer' }, part: 'related', ...payee },
    ]);
  });
});
