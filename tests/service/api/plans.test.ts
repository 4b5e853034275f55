import assert from 'node:assert/strict';
import type { RunHead } from '../../../core/engine/history/views.ts';
import type { Plan } from '../../../core/engine/plan/plan.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { stock, yardConfig } from '../../support/yard.ts';
import { json, problem } from './api.ts';

describe('plans and rehearsals, over HTTP', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;
  let bare: Listening;

  before(async () => {
    tutti = await openTestEngine(yardConfig);
    tenantId = await tutti.host.store.tenant('ours');
    await stock(tutti.fresh, tenantId, { 'c-1': 'a', 'c-2': 'b' });
    const { history, engine, host } = tutti;
    // A plan holds for its day, whichever it is by the clock.
    const runDefaults = () => ({ businessDate: '2026-06-30', timeZone: 'UTC' });
    const parts = { history, engine, registry: host.registry, tenantId, runDefaults };
    server = await listen(createApp({ ...parts, planner: host.planner }), { port: 0 });
    bare = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await bare.close();
    await tutti.close(this);
  });

  const post = (path: string, body: unknown, { url } = server) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify(body),
    });
  const rehearsal = { workflow: 'round', rehearsal: true, speed: 1_000 };

  it('says what a run would do, and binds a rehearsal to that', async () => {
    verifies('R7.plan');
    const plan = await json<Plan>(await post('/v1/plans', { workflow: 'round' }));

    const answer = await post('/v1/runs', { ...rehearsal, plan: plan.hash });
    const head = await json<RunHead>(answer);

    assert.deepEqual([plan.agents, plan.calls, plan.writes], [6, 13, { 'yard.crate.mark': 3 }]);
    assert.deepEqual([answer.status, head.rehearsal], [202, true]);
    assert.equal(await tutti.engine.whenEnded(head.id), 'succeeded');
    const summary = await tutti.history.summary(tenantId, head.id);
    assert.deepEqual([summary.agents, summary.tokens], [plan.agents, plan.tokens]);
  });

  it('refuses to bind to a plan that does not hold, and where nothing can be bound', async () => {
    const bound = { ...rehearsal, plan: '0'.repeat(64) };

    await problem(await post('/v1/runs', bound), 409, 'PLAN_CHANGED');
    await problem(await post('/v1/runs', bound, bare), 400, 'INPUT_INVALID');
    assert.equal((await post('/v1/plans', { workflow: 'round' }, bare)).status, 404);
  });

  for (const [path, body] of [
    ['/v1/runs', { workflow: 'round', speed: 10 }],
    ['/v1/runs', { ...rehearsal, plan: 'e8' }],
    ['/v1/plans', { workflow: 'round', timeZone: 'Mars' }],
    ['/v1/plans', { workflow: 'round', businessDate: '2026-02-30' }],
    ['/v1/plans', { workflow: 'round', input: { isDry: 1 } }],
  ] as const) {
    it(`refuses ${JSON.stringify(body)} at ${path}`, async () => {
      await problem(await post(path, body), 400, 'INPUT_INVALID');
    });
  }
});
