import assert from 'node:assert/strict';
import { systemClock } from '../../../core/base/clock.ts';
import { Tenants } from '../../../core/service/identity/tenants.ts';
import { openTestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { keyOf, Yard } from './yard.ts';

const config = new URL('../../support/fixtures/effects.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'tester' } as const;

describe('what people grant for a tenant that is suspended', () => {
  let yard: Yard;
  let tenants: Tenants;

  before(async () => {
    yard = await Yard.open();
    tenants = new Tenants(yard.pool, systemClock);
  });
  after(async function () {
    await yard.close(this);
  });

  const runsFor = (id: string) =>
    yard.query('SELECT FROM tutti.run WHERE tenant_id = $1 AND key = $2', [
      yard.tenantId,
      `apply:${id}`,
    ]);

  it('is recorded, and carried out once by one of two engines after the tenant is resumed', async () => {
    verifies('R12.approvals', 'R12.tenancy');
    const parcel = await yard.parcel('S1');
    const view = await yard.asked({ parcel, attended: false });
    await yard.became(String(view.runId));
    await tenants.suspend('yard', actor);

    assert.equal((await yard.say(view.id, 'anna')).state, 'granted');
    // Until an engine is there it has looked once for all that it does.
    const other = await openTestEngine(config, { fresh: yard.fresh });
    try {
      assert.deepEqual(await yard.questions(keyOf(view)), ['granted']);
      assert.equal(await yard.effect(keyOf(view)), 'proposed');
      assert.deepEqual(await runsFor(view.id), []);

      await tenants.resume('yard', actor);

      assert.equal(await yard.became(await yard.applied(view.id)), '');
      assert.deepEqual(await yard.questions(keyOf(view)), ['consumed']);
      assert.equal((await runsFor(view.id)).length, 1);
      assert.equal(await yard.slips(parcel), 1);
    } finally {
      await other.close();
    }
  });

  it('lets a step that waits for it go on only then', async () => {
    verifies('R12.approvals', 'R12.tenancy');
    const parcel = await yard.parcel('S2');
    const view = await yard.asked({ parcel });
    const runId = String(view.runId);
    await yard.waiting(runId);
    await tenants.suspend('yard', actor);
    // What begins within a second of a suspension may still be written, so the yes waits until the engine has seen it.
    const isHeldAs = (status: string) => async () => {
      const { tenantId, tutti } = yard;
      const [step] = (await tutti.engine.explain({ tenantId, runId })).steps;
      return step?.status === status && step.blockers[0]?.kind === 'stop';
    };
    await eventually(isHeldAs('waiting'));

    await yard.say(view.id, 'anna');
    await eventually(isHeldAs('ready'));

    assert.deepEqual(await yard.questions(keyOf(view)), ['granted']);
    assert.equal(await yard.slips(parcel), 0);
    await tenants.resume('yard', actor);
    assert.equal(await yard.became(runId), 'applied');
    assert.equal(await yard.slips(parcel), 1);
  });
});
