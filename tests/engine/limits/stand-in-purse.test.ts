import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { chooseProfiles } from '../../../core/ports/models/profiles.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const form = { input: z.object({}), output: z.object({}), tools: {} };
const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  ...form,
}).playbook(async () => ({}));
const stranger = defineAgent({
  name: 'stranger',
  purpose: 'Is asked by a setting alone.',
  instructions: 'Help.',
  ...form,
});
const simple = defineWorkflow({
  name: 'lab.simple',
  graph: ({ task }) => void task({ id: 'alone', agent: worker, input: {} }),
});
const version = '1.0.0';
const modules = [
  defineModule({ name: 'lab', version, agents: [worker], workflows: [simple] }),
  defineModule({ name: 'far', version, agents: [stranger] }),
];
const boundMicroUsd = 1_000;
const models = { standard: { provider: 'house', model: 'house', maxOutputTokens: 100 } };
const config = {
  modules,
  models,
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 10_000_000 } },
};
const dayMs = 86_400_000;
const gate = 7_310_924;
/** Whoever opens a purse of module `far` waits for the gate. */
const gated = `CREATE FUNCTION tutti.gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.scope = 'module:far' THEN PERFORM pg_advisory_xact_lock_shared(${gate}); END IF; RETURN NEW; END $$;
  CREATE TRIGGER gate BEFORE INSERT ON tutti.budget FOR EACH ROW EXECUTE FUNCTION tutti.gate()`;

describe('the purse of a module whose agent takes a step over', function () {
  this.timeout(120_000);
  const engines = new HandEngines(config, chooseProfiles(models, {}));
  let settings: SettingStore;

  before(async () => {
    await engines.prepare();
    await engines.database.admin((client) => client.query(gated));
    settings = new SettingStore(engines.database, {
      registry: loadRegistry({ modules }, []),
      config: {},
    });
  });
  afterEach(async () => {
    await engines.stop();
    await engines.pool.query(`UPDATE tutti.run SET status = 'cancelled', ended_at = now()`);
    await engines.pool.query('DELETE FROM tutti.budget');
  });
  after(function () {
    return engines.drop(this);
  });

  const actor = { kind: 'person', id: 'tester' } as const;
  const rule = 'recovery:lab.worker';
  const handOver = [
    { ways: [{ strategy: 'reassign', to: 'far.stranger' }, { strategy: 'retry' }] },
  ];

  /** A step of a run whose worker has failed, and the call of who took over, which is made when it can be paid. */
  async function takenOver(lab: HandEngine, runId: string): Promise<void> {
    const job = await eventually(() => {
      lab.clock.pass(1_000);
      return lab.dispatcher.jobs.find(
        (each) => each.runId === runId && each.agent === 'far.stranger',
      );
    });
    assert.equal(job.mode, 'model');
  }
  const broke = { code: 'TOOL_FAILED', message: 'It broke.' } as never;
  const reserved = async () => {
    const { rows } = await engines.pool.query<{ scope: string; reserved: number }>(
      `SELECT scope, sum(reserved_micro_usd)::int AS reserved FROM tutti.budget WHERE scope ~ '^(module|tenant)' GROUP BY 1 ORDER BY 1`,
    );
    return Object.fromEntries(rows.map((row) => [row.scope, row.reserved]));
  };

  it('counts its call although it failed while the rule that names it was being read', async () => {
    verifies('R7.budget', 'R8.strategy-change');
    const lab = await engines.open();
    await lab.start('lab.simple');
    const first = await lab.dispatcher.next('alone');
    const keeper = await engines.pool.connect();
    try {
      await keeper.query('SELECT pg_advisory_lock($1)', [gate]);
      await settings.put(1, rule, { value: handOver, actor });
      // The rule is in force, and the purse is being opened.
      await eventually(async () => {
        lab.clock.pass(1_000);
        const { rows } = await keeper.query(
          `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`,
          [gate],
        );
        return rows.length > 0;
      });
      lab.dispatcher.fail(first.ref, broke);
      lab.clock.pass(1);
      // What was stored last of the step: whoever takes it over has come, and has made no call.
      await eventually(
        async () => (await engines.entriesOf(first.runId, ['step.reassigned'])).length,
      );
      lab.clock.pass(1);
    } finally {
      await keeper.query('SELECT pg_advisory_unlock($1)', [gate]);
      keeper.release();
    }

    await takenOver(lab, first.runId);
    assert.deepEqual(await reserved(), {
      'module:far': boundMicroUsd,
      'module:lab': 0,
      tenant: boundMicroUsd,
    });
    await settings.reset(1, rule, actor);
  });

  it('counts its call on another day and engine, though no rule names it any more', async () => {
    verifies('R7.budget', 'R8.reassign', 'R9.take-over');
    await settings.put(1, rule, { value: handOver, actor });
    const first = await engines.open();
    const { id } = await first.start('lab.simple');
    first.dispatcher.fail((await first.dispatcher.next('alone')).ref, broke);
    await takenOver(first, id);
    await first.engine.stop();
    await settings.reset(1, rule, actor);
    await engines.pool.query('DELETE FROM tutti.budget');

    const second = await engines.open(first.clock.now() + 3 * dayMs);
    await takenOver(second, id);

    assert.deepEqual(await reserved(), {
      'module:far': boundMicroUsd,
      'module:lab': 0,
      tenant: boundMicroUsd,
    });
  });
});
