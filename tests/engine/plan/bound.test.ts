import assert from 'node:assert/strict';
import type { RunRequest } from '../../../core/engine/store/store.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { queryAll } from '../../support/rows.ts';
import { verifies } from '../../support/verifies.ts';
import { roundOf, stock, yardConfig } from '../../support/yard.ts';

const never = new AbortController().signal;

describe('a run that is bound to a plan', function () {
  this.timeout(60_000);
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(yardConfig);
  });
  beforeEach(async () => {
    tenantId = await tutti.host.store.tenant(`yard ${Math.random()}`);
    await stock(tutti.fresh, tenantId, { 'c-1': 'a', 'c-2': 'b' });
  });
  after(function () {
    return tutti.close(this);
  });

  const rehearsal = (): RunRequest => ({
    ...requestOf('round', { tenantId }),
    rehearsal: true,
    speed: 1_000,
  });

  async function planned(): Promise<string> {
    return (await tutti.host.planner.plan(roundOf(tenantId), never)).hash;
  }

  async function bound(request = rehearsal()): Promise<RunRequest> {
    return tutti.host.planner.bind(request, await planned(), never);
  }

  /** Starts a run and waits for its end; returns how it ended, and why. */
  async function ended(request: RunRequest): Promise<readonly unknown[]> {
    const { id } = await tutti.engine.startRun(request);
    const status = await tutti.engine.whenEnded(id);
    const steps = await tutti.history.steps(tenantId, id);
    const failed = steps.filter((step) => step.status === 'failed');
    return [status, failed.map(({ node, error }) => `${node} ${error?.code}`)];
  }

  it('runs as one that is not, while nothing has changed', async () => {
    verifies('R7.plan');

    assert.deepEqual(await ended(await bound()), ['succeeded', []]);
    assert.deepEqual(await ended(await bound(requestOf('round', { tenantId }))), ['succeeded', []]);
  });

  it('is not stored when it would come to something else', async () => {
    const hash = await planned();
    await stock(tutti.fresh, tenantId, { 'c-1': 'changed' });

    await assert.rejects(tutti.host.planner.bind(rehearsal(), hash, never), {
      code: 'PLAN_CHANGED',
    });
    await assert.rejects(tutti.host.planner.bind(rehearsal(), '0'.repeat(64), never), {
      code: 'PLAN_CHANGED',
    });
  });

  it('gets the run that its key has already, whatever has changed since', async () => {
    const request = { ...rehearsal(), key: 'night' };
    const hash = await planned();
    const first = await tutti.host.planner.bind(request, hash, never);
    const { id } = await tutti.engine.startRun(first);
    await tutti.engine.whenEnded(id);
    await stock(tutti.fresh, tenantId, { 'c-3': 'new' });

    const again = await tutti.host.planner.bind(request, hash, never);

    assert.deepEqual(await tutti.engine.startRun(again), { id, isNew: false });
  });

  for (const [what, crates] of [
    ['an item that the plan did not have', { 'c-3': 'new' }],
    ['fewer items', {}],
  ] as const) {
    it(`fails closed when a foreach begins with ${what}`, async () => {
      const request = await bound();
      await stock(tutti.fresh, tenantId, crates);
      if (what === 'fewer items')
        await tutti.fresh.database.admin((client) =>
          client.query('DELETE FROM erp.yard_crate WHERE tenant_id = $1 AND id = $2', [
            tenantId,
            'c-2',
          ]),
        );

      const [status, failed] = await ended(request);

      assert.deepEqual([status, failed], ['failed', ['crates PLAN_CHANGED']]);
      const agents = await queryAll<{ node: string }>(
        tutti.fresh.database,
        "SELECT node FROM tutti.step WHERE tenant_id = $1 AND node LIKE 'crates/%'",
        [tenantId],
      );
      assert.deepEqual(agents, []);
    });
  }

  it('goes on when a record has changed that its steps only read', async () => {
    const request = await bound();
    await stock(tutti.fresh, tenantId, { 'c-1': 'changed' });

    assert.deepEqual(await ended(request), ['succeeded', []]);
  });

  it('fails closed when a node begins that the plan did not come to', async () => {
    const request = await bound();
    const { outside: _, ...nodes } = request.plan?.nodes ?? {};

    const [status, failed] = await ended({
      ...request,
      plan: { ...(request.plan as NonNullable<RunRequest['plan']>), nodes },
    });

    assert.deepEqual([status, failed], ['failed', ['outside PLAN_CHANGED']]);
  });

  it('fails closed when it is taken up with other agents, models or prices', async () => {
    const request = await bound();
    const plan = { ...(request.plan as NonNullable<RunRequest['plan']>), basis: '0' };
    const { id } = await tutti.engine.startRun({ ...request, plan });

    const { status } = await tutti.history.head(tenantId, id);

    assert.equal(status, 'failed');
    const entries = await tutti.history.entries(tenantId, id, 0);
    const error = entries.at(-1)?.data.error as { readonly code: string } | undefined;
    assert.equal(error?.code, 'PLAN_CHANGED');
  });
});
