import assert from 'node:assert/strict';
import { apiPartsOf } from '../../../bin/api.ts';
import type { StepContent } from '../../../core/engine/history/step-contents.ts';
import { eraseRun } from '../../../core/engine/retention/erase.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/nodes.config.ts', import.meta.url);
const numbers = [
  { id: 'a', value: 1 },
  { id: 'b', value: 2 },
];

describe('/v1/runs/:id/steps/:step', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    const parts = apiPartsOf(tutti.host, tutti.engine, { tenantId, businessDate: '2026-06-30' });
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (run: string, step: string) =>
    fetch(`${server.url}/v1/runs/${run}/steps/${encodeURIComponent(step)}`);
  const read = async (run: string, step: string) => json<StepContent>(await get(run, step));
  const there = (value: unknown) => ({ state: 'there', value });

  it('shows what a step was given and has brought, and its tries', async () => {
    verifies('R9.history');
    const { id } = await tutti.run('nodes.tool', { tenantId, input: { a: 4 } });

    const first = await read(id, 'first');
    const second = await read(id, 'second');

    assert.deepEqual([first.input, first.output], [there({ a: 4, b: 1 }), there({ sum: 5 })]);
    assert.deepEqual([second.input, second.output], [there({ a: 5, b: 10 }), there({ sum: 15 })]);
    assert.deepEqual(
      second.attempts.map(({ no, outcome, error }) => [no, outcome, error]),
      [[1, 'succeeded', null]],
    );
    assert.deepEqual(
      [second.path, second.status, second.trust],
      ['second', 'succeeded', 'operator'],
    );
  });

  it('shows the steps of items, and what expressions made', async () => {
    verifies('R9.history');
    const { id } = await tutti.run('nodes.compute', { tenantId, input: { numbers } });

    const sum = await read(id, 'plus/sum[b]');
    const named = await read(id, 'plus/named[b]');
    const gate = await read(id, 'plus/is_positive[b]');
    const plus = await read(id, 'plus');

    assert.deepEqual([sum.input, sum.output], [there({ a: 2, b: 1 }), there({ sum: 3 })]);
    assert.deepEqual([named.input, named.output], [{ state: 'none' }, there({ id: 'b', sum: 3 })]);
    assert.deepEqual([gate.input, gate.output], [{ state: 'none' }, { state: 'none' }]);
    assert.deepEqual(plus.input, there(numbers));
    assert.deepEqual(
      plus.output,
      there([
        { id: 'a', sum: 2 },
        { id: 'b', sum: 3 },
      ]),
    );
  });

  it('says that nothing was given to what was skipped', async () => {
    const { id } = await tutti.run('nodes.switch', { tenantId, input: { amount: 50 } });

    const taken = await read(id, 'middle');
    const skipped = await read(id, 'high');

    assert.deepEqual(taken.input, there({ word: 'middle' }));
    assert.deepEqual(
      [skipped.status, skipped.input, skipped.output, skipped.attempts],
      ['skipped', { state: 'none' }, { state: 'none' }, []],
    );
  });

  it('says of what has been erased that it has', async () => {
    verifies('R9.history');
    const { id } = await tutti.run('nodes.tool', { tenantId, input: { a: 4 } });
    const actor = { kind: 'person', id: 'anna' } as const;
    await eraseRun(tutti.host.database, id, { tenantId, reason: 'asked', actor });

    const { input, output, attempts } = await read(id, 'second');

    assert.deepEqual([input, output], [{ state: 'erased' }, { state: 'erased' }]);
    assert.equal(attempts.length, 1);
  });

  it('says of an input which the loaded code no longer makes why', async () => {
    const { id } = await tutti.run('nodes.tool', { tenantId, input: { a: 4 } });
    const pool = tutti.host.database.pool('tutti_engine', 1);
    const body = JSON.stringify({ name: 'nodes.tool', nodes: [], partial: false });
    const { rows } = await pool.query<{ readonly version: number }>(
      `WITH v AS (INSERT INTO tutti.definition (tenant_id, kind, name, version, digest, body, published_by)
         VALUES ($1, 'workflow', 'nodes.tool', 99, '\\x00', $2, 'a test') RETURNING version)
       UPDATE tutti.run SET workflow_version = 99 WHERE tenant_id = $1 AND id = $3 RETURNING workflow_version AS version`,
      [tenantId, body, id],
    );
    assert.equal(rows[0]?.version, 99);

    const { input, output } = await read(id, 'second');

    assert.equal(input.state, 'unknown');
    assert.match(input.state === 'unknown' ? input.why : '', /has no nodes/);
    assert.deepEqual(output, there({ sum: 15 }));
  });

  it('knows no step that there is not, and none of another tenant', async () => {
    verifies('R12.tenancy');
    const theirs = await tutti.host.store.tenant('theirs');
    const ours = await tutti.run('nodes.tool', { tenantId, input: { a: 1 } });
    const other = await tutti.run('nodes.tool', { tenantId: theirs, input: { a: 1 } });

    await problem(await get(ours.id, 'third'), 404, 'STEP_UNKNOWN');
    await problem(await get(ours.id, 'first[x]'), 404, 'STEP_UNKNOWN');
    await problem(await get(other.id, 'first'), 404, 'RUN_UNKNOWN');
  });
});
