import assert from 'node:assert/strict';
import { openLog } from '../../../core/base/telemetry/log.ts';
import { writeMetrics } from '../../../core/base/telemetry/open-metrics.ts';
import { Scrubber } from '../../../core/base/telemetry/scrub.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { SpanRecorder } from '../../support/telemetry-lab.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/telemetry.config.ts', import.meta.url);
const canary = 'canary/9"f3\\key-7b21';

describe('secrets of the environment', () => {
  let lab: TestEngine;
  let recorder: SpanRecorder;
  let tenantId: number;

  before(async () => {
    process.env.LAB_API_KEY = canary;
    recorder = new SpanRecorder();
    lab = await openTestEngine(config, { spanIds: recorder.ids });
    tenantId = await lab.host.store.tenant('lab');
  });

  after(async function () {
    delete process.env.LAB_API_KEY;
    await lab.close(this);
    await recorder.close();
  });

  it('are in no row of the database, whatever models, tools and providers say', async () => {
    verifies('R12.secrets');
    const fates = ['leak', 'secret', 'down', 'smuggle', 'ok'];
    const items = fates.map((fate, index) => ({ id: `item-${index}`, fate }));

    const run = await lab.run('lab.above', { tenantId, input: { items, below: items } });

    assert.equal(run.status, 'partial');
    const words = await everyText(lab);
    for (const form of formsOf(canary)) assert.ok(!words.includes(form), form);
    // What was taken out has left its mark: all of it was on its way.
    for (const mark of ['the key is [redacted]', 'send [redacted]', 'I was told [redacted]'])
      assert.ok(words.includes(mark), mark);
    assert.match(words, /Bearer \[redacted\], \[redacted\] is no good/);
    assert.match(words, /its key was \[redacted\]/);
  });

  it('are no arguments of an effect', async () => {
    const { rows } = await lab.host.database
      .pool('tutti_engine', 1)
      .query(
        `SELECT DISTINCT data->>'outcome' AS outcome, data->>'code' AS code FROM tutti.entry WHERE kind = 'tool.called' AND data->>'tool' = 'lab.note.suggest'`,
      );

    assert.deepEqual(
      rows.filter(({ code }) => code !== null),
      [{ outcome: 'error', code: 'TOOL_INPUT_INVALID' }],
    );
  });

  it('are in no span and no metric', async () => {
    const page = writeMetrics(await lab.host.telemetry.metrics.collect()).text;

    assert.ok(recorder.spans.length > 20);
    for (const form of formsOf(canary))
      assert.ok(!recorder.spans.some(({ text }) => text.includes(form)) && !page.includes(form));
  });

  it('are in no line of the log, in whatever form', async () => {
    for (const form of ['json', 'pretty']) {
      const lines: string[] = [];
      const env = { LAB_API_KEY: canary, TUTTI_LOG: form };
      const scrubber = new Scrubber(env);
      const log = await openLog({ env, isScreen: false, scrubber, write: (l) => lines.push(l) });

      const cause = new Error(`https://lab:${canary}@example.test refused ${canary}`);
      const error = new Error(`no: ${encodeURIComponent(canary)}`, { cause });
      log.error(`It said ${canary}.`, { error, headers: { authorization: canary }, at: [canary] });

      assert.equal(lines.length, 1);
      for (const each of formsOf(canary))
        assert.ok(!lines.join().includes(each), `${form} ${each}`);
      assert.match(lines.join(), /\[redacted\]/);
    }
  });
});

function formsOf(secret: string): readonly string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
}

/** Every value of every table, as text. */
async function everyText({ host }: TestEngine): Promise<string> {
  return await host.database.admin(async (client) => {
    const tables = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('tutti', 'erp')`,
    );
    const texts: string[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await client.query(`SELECT * FROM ${name}`);
      texts.push(...rows.flatMap((row) => Object.values(row).map(textOf)));
    }
    return texts.join('\n');
  });
}

function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
