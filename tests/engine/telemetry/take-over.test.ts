import assert from 'node:assert/strict';
import { defineAgent, defineConfig, defineModule, defineWorkflow, z } from 'tutti';
import { Metrics } from '../../../core/base/telemetry/metrics.ts';
import { idsOf, traceOf } from '../../../core/base/telemetry/span-ids.ts';
import { eventually } from '../../support/eventually.ts';
import { HandEngines } from '../../support/hand-engine.ts';
import { SpanRecorder } from '../../support/telemetry-lab.ts';
import { checkSpans } from '../../support/telemetry-truth.ts';
import { verifies } from '../../support/verifies.ts';

const agent = defineAgent({
  name: 'one',
  purpose: 'Does it.',
  instructions: 'Do it.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const config = defineConfig({
  modules: [
    defineModule({
      name: 'lab',
      version: '1.0.0',
      agents: [agent],
      workflows: [
        defineWorkflow({
          name: 'lab.one',
          graph: ({ task }) => void task({ id: 'do', agent, input: {} }),
        }),
      ],
    }),
  ],
});

describe('a trace of a run that changes hands', () => {
  const engines = new HandEngines(config);
  let recorder: SpanRecorder;

  before(async () => {
    recorder = new SpanRecorder();
    await engines.prepare();
  });

  afterEach(() => engines.stop());

  after(async function () {
    await recorder.close();
    await engines.drop(this);
  });

  it('goes on when its engine has died, and has every attempt once', async () => {
    verifies('R11.tracing');
    const metrics = [new Metrics(), new Metrics()];
    const spanIds = recorder.ids;
    const first = await engines.open(Date.now(), { spanIds, metrics: metrics[0] as Metrics });
    const { id } = await first.start('lab.one');
    const job = await first.dispatcher.next('do');

    const { rows: owners } = await engines.pool.query('SELECT id FROM tutti.engine');
    const second = await engines.open(Date.now(), { spanIds, metrics: metrics[1] as Metrics });
    const ended = second.engine.whenEnded(id);
    // The first may renew its lease meanwhile: it is only as if it had died.
    await eventually(async () => {
      await engines.pool.query(
        `UPDATE tutti.engine SET lease_until = now() - interval '1 s' WHERE id = $1`,
        [owners[0]?.id],
      );
      second.clock.pass(1_000);
      return second.dispatcher.jobs.length > 0;
    });
    const again = await second.dispatcher.next('do');
    second.dispatcher.succeed(again.ref);

    assert.equal(await ended, 'succeeded');
    await checkSpans(engines.pool, recorder.spans);
    const attempts = recorder.spans.filter(({ name }) => name === 'invoke_agent lab.one');
    assert.deepEqual(
      attempts.map(({ attributes }) => attributes['erp.step.outcome']),
      ['lost', 'succeeded'],
    );
    assert.equal(job.traceparent, traceparent(id, 1));
    assert.equal(again.traceparent, traceparent(id, 2));
    const counted = (name: 'tutti.runs.started' | 'tutti.attempts') =>
      metrics.map((each) => each.sum(name));
    assert.deepEqual(
      [counted('tutti.runs.started'), counted('tutti.attempts')],
      [
        [1, 0],
        [0, 2],
      ],
    );
  });
});

/** What requests on behalf of the run's only step carry. */
function traceparent(id: string, no: number): string {
  return `00-${traceOf(id)}-${idsOf(id, { step: 0, no }).spanId}-01`;
}
