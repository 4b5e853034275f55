import assert from 'node:assert/strict';
import type pg from 'pg';
import { levelsOf, resetLevel, setLevel } from '../../../core/engine/authority/levels.ts';
import { readShadow } from '../../../core/engine/authority/shadow-view.ts';
import { machineMs } from '../../../core/engine/authority/stops.ts';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;

describe('authority that is set while agents run', () => {
  let cabinet: TestEngine;
  let settings: SettingStore;
  let tenantId: number;

  before(async () => {
    cabinet = await openTestEngine(
      new URL('../../support/fixtures/authority.config.ts', import.meta.url),
    );
    tenantId = await cabinet.host.store.tenant('cabinet');
    settings = new SettingStore(cabinet.host.database, cabinet.host);
  });
  after(function () {
    return cabinet.close(this);
  });

  /** What a run's agent was answered. */
  async function run(
    workflow: 'make' | 'open',
    code: string,
  ): Promise<{ id: string; became: unknown }> {
    const { id } = await cabinet.engine.startRun(
      requestOf(workflow, { tenantId, input: { code } }),
    );
    assert.equal(await cabinet.engine.whenEnded(id), 'succeeded');
    const [found] = await query<{ became: unknown }>(
      `SELECT convert_from(p.body, 'UTF8')::jsonb->>'became' AS became FROM tutti.entry e JOIN tutti.payload p USING (tenant_id, run_id, seq)
       WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
      id,
    );
    return { id, became: found?.became };
  }

  let pool: pg.Pool | undefined;
  async function query<T extends object>(text: string, ...values: readonly unknown[]) {
    pool ??= cabinet.host.database.pool('tutti_engine', 1);
    return (await pool.query<T>(text, [...values])).rows;
  }

  /** Lets the second pass for which a thread may go by what it has read. */
  async function settled(): Promise<void> {
    const until = machineMs() + 1_000;
    await eventually(() => machineMs() > until);
  }

  async function set(name: 'autonomy' | 'shadow', value: unknown): Promise<void> {
    await settings.put(tenantId, name, { value, actor });
    await settled();
  }

  async function reset(name: 'autonomy' | 'shadow'): Promise<void> {
    await settings.reset(tenantId, name, actor);
    await settled();
  }

  const views = () => {
    const { host } = cabinet;
    const pool = host.database.pool('tutti_engine', 1);
    return readShadow(
      { pool, registry: host.registry, connector: (id) => host.connector(id) },
      tenantId,
    );
  };

  const drawers = () =>
    query<{ code: string; opened: boolean }>('SELECT code, opened FROM erp.drawer ORDER BY code');

  it('stands before what policies grant, and goes back to them', async () => {
    verifies('R12.autonomy');
    assert.equal((await run('make', 'A1')).became, 'applied');

    await set('autonomy', [{ agents: ['cabinet.maker'], autonomy: 'observe' }]);
    assert.equal((await run('make', 'A2')).became, 'autonomy.observe');
    await set('autonomy', [
      { agents: ['cabinet.*'], autonomy: 'act' },
      { tools: ['cabinet.drawer.make'], autonomy: 'propose' },
    ]);
    assert.equal((await run('make', 'A3')).became, 'proposed');
    await reset('autonomy');

    assert.equal((await run('make', 'A4')).became, 'applied');
    assert.deepEqual(
      (await drawers()).map(({ code }) => code),
      ['A1', 'A4'],
    );
  });

  it('is refused where its patterns fit nothing, naming the pattern', async () => {
    for (const [name, value, message] of [
      [
        'autonomy',
        [{ agents: ['cabinet.nobody'], autonomy: 'act' }],
        /0\.agents\.0: 'cabinet.nobody' fits no agent/,
      ],
      [
        'shadow',
        [{ tools: ['cabinet.drawer.find'] }],
        /0\.tools\.0: .* fits no loaded tool that has an effect/,
      ],
      ['autonomy', [{ autonomy: 'all' }], /0\.autonomy/],
      ['shadow', [{ agent: 'cabinet.*' }], /agent/],
    ] as const)
      await assert.rejects(settings.put(tenantId, name, { value, actor }), {
        code: 'INPUT_INVALID',
        message,
      });
  });

  it('stays in force when some of it fits nothing any more', async () => {
    const value = JSON.stringify([
      { agents: ['gone.agent', 'cabinet.maker'], autonomy: 'observe' },
    ]);
    await query(
      `INSERT INTO tutti.setting (tenant_id, name, value, actor, at) VALUES ($1, 'autonomy', $2, '{}', now())`,
      tenantId,
      value,
    );
    await settled();

    assert.equal((await run('make', 'A5')).became, 'autonomy.observe');
    const view = await settings.get(tenantId, 'autonomy');
    assert.equal(view.source, 'setting');
    assert.match(view.fault ?? '', /gone.agent/);
    await reset('autonomy');
  });

  it('tells for every agent and tool what it may and who says so', async () => {
    const grants = await setLevel(
      settings,
      { tenantId, agent: 'cabinet.maker', tool: 'cabinet.drawer.make', company: 'DE01', actor },
      'propose',
    );
    const levels = levelsOf(cabinet.host.registry, { set: grants, companies: ['DE01', 'DE02'] });

    assert.deepEqual(
      levels
        .filter(({ agent }) => agent === 'cabinet.maker')
        .map(({ company, autonomy, by }) => [company, autonomy, by]),
      [
        // It may be about DE01, too.
        [null, 'propose', 'setting'],
        ['DE01', 'propose', 'setting'],
        ['DE02', 'act', 'policy cabinet'],
      ],
    );
    const ask = { tenantId, agent: 'cabinet.maker', tool: 'cabinet.drawer.make', actor };
    await assert.rejects(resetLevel(settings, ask), { code: 'INPUT_INVALID' });
    assert.deepEqual(await resetLevel(settings, { ...ask, company: 'DE01' }), []);
    await reset('autonomy');
  });

  it('lets an agent in the shadow work for real and write nothing, and lists what it would have done', async () => {
    verifies('R12.autonomy');
    assert.equal((await run('make', 'S1')).became, 'applied');
    await set('shadow', [{ agents: ['cabinet.opener'] }]);

    const { id, became } = await run('open', 'S1');

    assert.equal(became, 'proposed');
    assert.deepEqual(
      (await drawers()).filter(({ opened }) => opened),
      [],
    );
    assert.equal((await query('SELECT FROM tutti.effect WHERE run_id = $1', id)).length, 0);
    assert.equal((await query('SELECT FROM tutti.finding WHERE run_id = $1', id)).length, 1);
    const [view] = await views();
    assert.deepEqual(
      [view?.runId, view?.agent, view?.tool, view?.entity, view?.would, view?.since],
      [id, 'cabinet.opener', 'cabinet.drawer.open', 'drawer', 'write', 'unchanged'],
    );
    assert.deepEqual(view?.args, { drawer: view?.targetId });

    // Somebody does it by hand.
    const erp = cabinet.host.connector(tenantId);
    const { rows } = await erp.query({
      entity: 'drawer',
      filter: { code: { eq: 'S1' } },
      limit: 1,
    });
    const row = rows[0] as { readonly id: string; readonly version: string };
    assert.equal(row.id, view?.targetId);
    const data = { opened: true };
    const outcome = await erp.apply(
      { entity: 'drawer', op: 'update', id: row.id, data, expect: row.version },
      { key: 'by hand' },
    );
    assert.equal(outcome.kind, 'applied');
    assert.equal((await views())[0]?.since, 'changed');

    await reset('shadow');
    assert.equal((await run('open', 'A1')).became, 'applied');
  });
});
