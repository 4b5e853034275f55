import assert from 'node:assert/strict';
import type pg from 'pg';
import { Metrics } from '../../../core/base/telemetry/metrics.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { SpanRecorder } from '../../support/telemetry-lab.ts';
import { checkSpans, checkSums, runAtRandom } from '../../support/telemetry-truth.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/telemetry.config.ts', import.meta.url);
const seed = 20_260_630;

describe('telemetry and the journal', () => {
  let recorder: SpanRecorder;
  let lab: TestEngine;
  let pool: pg.Pool;
  let tenantId: number;

  before(async () => {
    recorder = new SpanRecorder();
    lab = await openTestEngine(config, { spanIds: recorder.ids });
    pool = lab.host.database.pool('tutti_engine', 1);
    tenantId = await lab.host.store.tenant('lab');
    await runAtRandom(lab.engine, { tenantId, runs: 50, seed });
  });

  after(async function () {
    await lab.close(this);
    await recorder.close();
  });

  it('gives sums of metrics that are the sums of the journal, money to the micro-dollar', async () => {
    verifies('R11.metrics');

    const sums = await checkSums(pool, [lab.host.telemetry.metrics]);

    // With what these runs do, a sum of nothing would prove nothing.
    for (const [name, sum] of Object.entries(sums))
      if (name !== 'failed runs') assert.ok(sum >= 10, `${name}: ${sum}`);
  });

  it('tells of every attempt by one span, at its place under its run, and of its calls under it', async () => {
    verifies('R11.tracing', 'R11.profiling');

    await checkSpans(pool, recorder.spans);
  });

  it('names models, tools and outcomes as the conventions do, and no content', () => {
    const first = recorder.spans.find(
      ({ name, attributes }) =>
        name === 'chat house' && attributes['gen_ai.usage.input_tokens'] === 107,
    );
    const chat = first?.attributes ?? {};
    const tool = recorder.spans.find(({ name }) => name === 'execute_tool lab.value.look');

    assert.equal(chat['gen_ai.operation.name'], 'chat');
    assert.equal(chat['gen_ai.provider.name'], 'scripted');
    assert.equal(chat['gen_ai.response.model'], 'house-2026');
    assert.deepEqual(
      ['input_tokens', 'output_tokens', 'cache_read.input_tokens', 'reasoning.output_tokens'].map(
        (name) => chat[`gen_ai.usage.${name}`],
      ),
      [107, 13, 11, 5],
    );
    assert.equal(tool?.attributes['gen_ai.operation.name'], 'execute_tool');
    assert.ok(recorder.spans.every(({ text }) => !/looked at|no JSON|Once\.|done"/.test(text)));
  });

  it('measures model calls in the buckets of the conventions', async () => {
    const families = await lab.host.telemetry.metrics.collect();
    const calls = families.find(({ name }) => name === 'gen_ai.client.operation.duration');
    const counted = (calls?.points ?? []).reduce(
      (all, { value }) => all + (typeof value === 'number' ? 0 : value.count),
      0,
    );

    assert.equal(counted, lab.host.telemetry.metrics.sum('tutti.turns'));
    assert.ok(lab.host.telemetry.metrics instanceof Metrics);
  });

  it('leaves what a rehearsal would cost out of every metric of models', async () => {
    const { engine, host } = lab;
    const input = { items: [{ id: 'rehearsed', fate: 'ok' }], below: [] };
    const request = requestOf('lab.above', { tenantId, input });
    const { id } = await engine.startRun({ ...request, rehearsal: true, speed: 1_000 });
    await engine.whenEnded(id);

    const { rows } = await pool.query('SELECT FROM tutti.ledger WHERE simulated');
    assert.ok(rows.length > 0);
    await checkSums(pool, [host.telemetry.metrics]);
    const rehearsed = { workflow: 'lab.above', rehearsal: 'true' };
    assert.equal(host.telemetry.metrics.sum('tutti.runs.ended', rehearsed), 1);
  });
});
