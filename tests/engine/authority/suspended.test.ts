import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../../core/base/clock.ts';
import { StopStore } from '../../../core/engine/authority/stop-store.ts';
import { machineMs } from '../../../core/engine/authority/stops.ts';
import { Reviews } from '../../../core/engine/store/reviews.ts';
import { Tenants } from '../../../core/service/identity/tenants.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/stops.config.ts', import.meta.url);
/** Bells of a run, and the milliseconds between two: it rings on for longer than a stop may take. */
const bells = { count: 28, everyMs: 60 };
const actor = { kind: 'person', id: 'tester' } as const;

describe('a tenant that is suspended', () => {
  const log = path.join(tmpdir(), `tutti-suspended-${process.pid}`);
  let shop: TestEngine;
  let [ours, theirs] = [0, 0];
  let tenants: Tenants;
  let stops: StopStore;
  let jobs = 0;

  before(async () => {
    process.env.STOPS_LOG = log;
    shop = await openTestEngine(config);
    [ours, theirs] = [await shop.host.store.tenant('ours'), await shop.host.store.tenant('theirs')];
    const pool = shop.host.database.pool('tutti_engine', 2);
    tenants = new Tenants(pool, systemClock);
    stops = new StopStore(pool, shop.host.registry);
  });
  beforeEach(() => writeFileSync(log, ''));
  after(async function () {
    rmSync(log, { force: true });
    await shop.close(this);
  });

  async function begin(workflow: string, tenantId: number, count = bells.count) {
    jobs += 1;
    const name = `job${jobs}`;
    const request = requestOf(workflow, { tenantId, input: { ...bells, name, count } });
    const { id } = await shop.engine.startRun(request);
    return { id, name, ended: shop.engine.whenEnded(id) };
  }
  type Ringing = Awaited<ReturnType<typeof begin>>;

  /** Moments at which a run's bells rang. */
  const ringsOf = ({ name }: Pick<Ringing, 'name'>): readonly number[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes(` ${name}-`))
      .map((line) => Number.parseFloat(line));
  const hasRung = (ringing: Ringing) => eventually(() => ringsOf(ringing).length >= 3 || null);
  const statusOf = async ({ id }: Ringing) => (await shop.history.head(ours, id)).status;
  const placeAndLift = async (reach: string, between: () => Promise<void>) => {
    await stops.stop({ tenantId: ours, reach, actor });
    const heeded = machineMs() + 1_000;
    await eventually(() => machineMs() > heeded);
    await between();
    await stops.lift({ tenantId: ours, reach, actor });
  };

  it('has nothing written a second later, and goes on where it stood once it is resumed', async () => {
    verifies('R12.tenancy', 'R12.kill-switch');
    let paused = null as Ringing | null;
    await placeAndLift('module:depot', async () => {
      const held = await begin('depot.ring', ours);
      await shop.engine.ask({ tenantId: ours, runId: held.id, kind: 'pause', actor });
      await eventually(async () => (await statusOf(held)) === 'paused' || null);
      paused = held;
    });
    const resting = paused ?? assert.fail();
    const [rung, other] = [await begin('shop.ring', ours), await begin('shop.ring', theirs)];
    await Promise.all([hasRung(rung), hasRung(other)]);

    await tenants.suspend('ours', actor);
    await tenants.suspend('ours', actor);
    const last = machineMs() + 1_000;
    const late = await begin('shop.ring', ours);
    assert.equal(await other.ended, 'succeeded');
    await eventually(() => machineMs() > last + 1_000);

    assert.deepEqual(
      ringsOf(rung).filter((moment) => moment > last),
      [],
    );
    assert.ok(ringsOf(rung).length < bells.count);
    assert.deepEqual([ringsOf(late), await statusOf(late)], [[], 'queued']);
    const [step] = (await shop.engine.explain({ tenantId: ours, runId: rung.id })).steps;
    assert.equal(step?.blockers[0]?.kind, 'stop');
    assert.match(step?.blockers[0]?.text ?? '', /^Its tenant is suspended.*tutti tenant resume/);

    await tenants.resume('ours', actor);
    for (const each of [rung, late]) {
      assert.equal(await each.ended, 'succeeded');
      assert.equal(ringsOf(each).length, bells.count);
    }
    assert.deepEqual([ringsOf(resting), await statusOf(resting)], [[], 'paused']);
    await shop.engine.ask({ tenantId: ours, runId: resting.id, kind: 'cancel', actor });
    await resting.ended;
    const { rows } = await shop.host.database
      .pool('tutti_engine', 1)
      .query(
        `SELECT action, target, actor->>'id' AS by FROM tutti.audit WHERE tenant_id = 0 ORDER BY seq`,
      );
    assert.deepEqual(rows, [
      { action: 'tenant.suspend', target: 'ours', by: 'tester' },
      { action: 'tenant.resume', target: 'ours', by: 'tester' },
    ]);
  });

  it('takes no room from others with its runs that stand still', async () => {
    let held: readonly Ringing[] = [];
    await placeAndLift('module:shop', async () => {
      held = await Promise.all(Array.from({ length: 64 }, () => begin('shop.ring', ours, 1)));
      await eventually(() => shop.engine.vitals.runs === 64 || null);
      await tenants.suspend('ours', actor);
    });

    const other = await begin('depot.ring', theirs, 1);

    assert.equal(await other.ended, 'succeeded');
    assert.equal(held.flatMap(ringsOf).length, 0);
    await tenants.resume('ours', actor);
    await Promise.all(held.map(({ ended }) => ended));
    assert.equal(held.flatMap(ringsOf).length, 64);
  });

  it('keeps what a person has settled as to be done again until it is resumed, and then does it once', async () => {
    verifies('R12.tenancy', 'R12.kill-switch');
    const tear = () =>
      shop.engine.startRun(requestOf('shop.ring', { tenantId: ours, input: torn }));
    const torn = { name: 'torn', count: 1 };
    const first = await tear();
    assert.equal(await shop.engine.whenEnded(first.id), 'failed');
    const { id: runId } = await tear();
    const waits = async () => (await shop.history.steps(ours, runId))[0]?.status === 'waiting';
    await eventually(waits);
    await tenants.suspend('ours', actor);

    const reviews = new Reviews(shop.host.database.pool('tutti_engine', 1));
    const [effect] = await reviews.list(ours, { needsPerson: true, limit: 1 });
    const said = { tenantId: ours, key: effect?.key ?? '', verdict: 'retry', actor } as const;
    assert.equal((await reviews.settle(said, shop.host.registry.tools)).state, 'approved');
    const explained = async () => (await shop.engine.explain({ tenantId: ours, runId })).steps[0];
    // The verdict may come before the engine has looked whether the tenant is suspended; its write waits for that look.
    await eventually(async () => {
      const step = await explained();
      return step?.status === 'ready' && step.blockers[0]?.kind === 'stop';
    });

    assert.equal(ringsOf(torn).length, 0);
    await tenants.resume('ours', actor);
    assert.equal(await shop.engine.whenEnded(runId), 'succeeded');
    assert.equal(ringsOf(torn).length, 1);
  });
});
