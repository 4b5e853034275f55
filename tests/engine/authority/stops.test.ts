import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type pg from 'pg';
import { StopStore } from '../../../core/engine/authority/stop-store.ts';
import { machineMs } from '../../../core/engine/authority/stops.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/stops.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'tester' } as const;

/** Bells of a run, and the milliseconds between two: it rings on for longer than a stop may take. */
const bells = { count: 28, everyMs: 60 };

describe('a stop', () => {
  const log = path.join(tmpdir(), `tutti-stops-${process.pid}`);
  let shop: TestEngine;
  let tenantId: number;
  let stops: StopStore;
  let jobs = 0;

  before(async () => {
    process.env.STOPS_LOG = log;
    shop = await openTestEngine(config);
    tenantId = await shop.host.store.tenant('shop');
    stops = new StopStore(shop.host.database.pool('tutti_engine', 2), shop.host.registry);
  });
  beforeEach(() => writeFileSync(log, ''));
  after(async function () {
    rmSync(log, { force: true });
    await shop.close(this);
  });

  /** A run that rings for a second or two. */
  async function begin(workflow: string, options: { engine?: TestEngine; tenant?: number } = {}) {
    jobs += 1;
    const name = `job${jobs}`;
    const { engine = shop, tenant = tenantId } = options;
    const request = requestOf(workflow, { tenantId: tenant, input: { name, ...bells } });
    const { id } = await engine.engine.startRun(request);
    return { id, name, ended: engine.engine.whenEnded(id) };
  }
  type Ringing = Awaited<ReturnType<typeof begin>>;

  /** Moments at which a run's bells rang. */
  function ringsOf({ name }: Pick<Ringing, 'name'>): readonly number[] {
    const lines = readFileSync(log, 'utf8').split('\n');
    return lines
      .filter((line) => line.includes(` ${name}-`))
      .map((line) => Number.parseFloat(line));
  }

  const hasRung = (ringing: Ringing, least = 3) =>
    eventually(() => ringsOf(ringing).length >= least || null);

  /** Stops, and lets two seconds pass at the bells, or the one that it may take: the moment from which on nobody may ring. */
  async function stop(reach: string, pastMs = 2_000): Promise<number> {
    await stops.stop({ tenantId, reach, actor, reason: 'a test' });
    const last = machineMs() + 1_000;
    const until = last + pastMs - 1_000;
    await eventually(() => machineMs() > until);
    return last;
  }

  const lift = (reach: string) => stops.lift({ tenantId, reach, actor });

  /** Everything rang, and nothing twice. */
  async function endsComplete(ringing: Ringing): Promise<void> {
    assert.equal(await ringing.ended, 'succeeded');
    const ids = readFileSync(log, 'utf8').match(new RegExp(`${ringing.name}-\\d+`, 'g')) ?? [];
    assert.equal(ids.length, bells.count);
    assert.equal(new Set(ids).size, bells.count);
  }

  let pool: pg.Pool | undefined;
  async function query<T extends object>(text: string, ...values: readonly unknown[]) {
    pool ??= shop.host.database.pool('tutti_engine', 1);
    return (await pool.query<T>(text, [...values])).rows;
  }

  const reaches = [
    ['agent:shop.ringer', 'stop.agent', false],
    ['module:shop', 'stop.module', false],
    ['tenant', 'stop.tenant', true],
    ['all', 'stop.all', true],
  ] as const;
  for (const [reach, rule, reachesAll] of reaches) {
    it(`of ${reach} lets no call begin a second later, and nothing is lost or doubled once it is lifted`, async () => {
      verifies('R12.kill-switch');
      const [rung, other] = [await begin('shop.ring'), await begin('depot.ring')];
      await Promise.all([hasRung(rung), hasRung(other)]);

      const last = await stop(reach);

      assert.deepEqual(
        ringsOf(rung).filter((moment) => moment > last),
        [],
      );
      assert.ok(ringsOf(rung).length < bells.count);
      if (!reachesAll) await endsComplete(other);
      const step = await eventually(async () => {
        const [each] = (await shop.engine.explain({ tenantId, runId: rung.id })).steps;
        return each?.status === 'ready' ? each : null;
      });
      assert.equal(step.blockers[0]?.kind, 'stop');
      const refused = await query(
        `SELECT DISTINCT data->>'rule' AS rule FROM tutti.entry WHERE run_id = $1 AND data->>'code' = 'STOPPED'`,
        rung.id,
      );
      assert.deepEqual(
        refused.filter((each) => 'rule' in each && each.rule !== rule && each.rule !== null),
        [],
      );
      await lift(reach);
      await endsComplete(rung);
      await endsComplete(other);
    });
  }

  it('keeps what begins afterwards from being started at all', async () => {
    await stop('module:shop', 1_000);
    const rung = await begin('shop.ring');

    const told = await eventually(async () => {
      const { steps } = await shop.engine.explain({ tenantId, runId: rung.id });
      return steps[0]?.blockers[0]?.kind === 'stop' ? steps[0] : null;
    });

    assert.match(told.blockers[0]?.text ?? '', /'module:shop' is stopped \(a test\).*--lift/);
    assert.deepEqual(ringsOf(rung), []);
    await lift('module:shop');
    await endsComplete(rung);
  });

  it('ends what it meets as a conflict, under its rule, at no cost of a try', async () => {
    const rung = await begin('shop.ring');
    await hasRung(rung);
    await stop('agent:shop.ringer');

    const line = await eventually(async () => {
      const lines = await query(
        `SELECT data->>'rule' AS rule FROM tutti.entry WHERE run_id = $1 AND kind = 'tool.called' AND data->>'code' = 'STOPPED'`,
        rung.id,
      );
      return lines[0];
    });
    const [effect] = await query(
      `SELECT state, outcome->>'code' AS code FROM tutti.effect WHERE run_id = $1 AND state <> 'applied'`,
      rung.id,
    );
    assert.deepEqual(effect, { state: 'conflict', code: 'STOPPED' });
    assert.deepEqual(line, { rule: 'stop.agent' });
    await lift('agent:shop.ringer');
    // The agent has one try.
    await endsComplete(rung);
  });

  it('of a tenant leaves others alone', async () => {
    const elsewhere = await shop.host.store.tenant('elsewhere');
    await stop('tenant', 1_000);

    const rung = await begin('shop.ring', { tenant: elsewhere });

    await endsComplete(rung);
    await lift('tenant');
  });

  it('reaches every engine', async () => {
    verifies('R12.kill-switch');
    const second = await openTestEngine(config, { fresh: shop.fresh });
    try {
      const [one, two] = [await begin('shop.ring'), await begin('shop.ring', { engine: second })];
      await Promise.all([hasRung(one), hasRung(two)]);

      const last = await stop('all');

      const late = [...ringsOf(one), ...ringsOf(two)].filter((moment) => moment > last);
      assert.deepEqual(late, []);
      await lift('all');
      await eventually(() => ringsOf(one).length + ringsOf(two).length === 2 * bells.count || null);
    } finally {
      await second.close();
    }
  });

  it('is assumed while nobody can look: nothing is written, and goes on once somebody can', async () => {
    verifies('R12.kill-switch');
    const rung = await begin('shop.ring');
    await hasRung(rung);

    const last = await shop.host.database.admin(async (client) => {
      await client.query('LOCK TABLE tutti.stop IN ACCESS EXCLUSIVE MODE');
      const locked = machineMs() + 1_000;
      await eventually(() => machineMs() > locked + 1_000);
      assert.deepEqual(
        ringsOf(rung).filter((moment) => moment > locked),
        [],
      );
      return locked;
    });

    await endsComplete(rung);
    assert.ok(Math.max(...ringsOf(rung)) > last);
  });

  it('is assumed while every look fails, and what was kept from happening is done afterwards', async () => {
    const rung = await begin('shop.ring');
    await hasRung(rung);
    const { database } = shop.host;
    await database.admin((client) => client.query('REVOKE SELECT ON tutti.stop FROM tutti_engine'));
    const last = machineMs() + 1_000;

    await eventually(() => machineMs() > last + 1_000);

    assert.deepEqual(
      ringsOf(rung).filter((moment) => moment > last),
      [],
    );
    await database.admin((client) => client.query('GRANT SELECT ON tutti.stop TO tutti_engine'));
    await endsComplete(rung);
    const [line] = await query(
      `SELECT DISTINCT data->>'rule' AS rule FROM tutti.entry WHERE run_id = $1 AND data->>'code' = 'STOPPED' AND kind = 'tool.called'`,
      rung.id,
    );
    assert.deepEqual(line, { rule: 'stop.unknown' });
  });

  it('and its lift are on record: who, when and why', async () => {
    await stops.stop({ tenantId, reach: 'module:depot', actor, reason: 'stock count' });
    await stops.stop({ tenantId, reach: 'module:depot', actor, reason: 'again' });
    await stops.lift({ tenantId, reach: 'module:depot', actor, reason: 'counted' });

    const [view] = await stops.list(tenantId, { all: true });
    assert.deepEqual(
      { ...view, id: '', at: null, liftedAt: null },
      {
        ...{ id: '', at: null, liftedAt: null, reach: 'module:depot', actor, liftedBy: actor },
        ...{ reason: 'stock count', liftReason: 'counted' },
      },
    );
    await assert.rejects(lift('module:depot'), { code: 'STOP_UNKNOWN' });
    await assert.rejects(stops.stop({ tenantId, reach: 'module:nowhere', actor }), {
      code: 'INPUT_INVALID',
      message: /module:shop, module:depot/,
    });
  });
});
