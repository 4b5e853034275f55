import assert from 'node:assert/strict';
import { defineAgent, defineEntity, defineModule, defineWorkflow, field, query, z } from 'tutti';
import { EngineError, type ErrorCode } from '../../../core/base/errors.ts';
import { nextLook } from '../../../core/engine/loop/looks.ts';
import { noTries, type Tries } from '../../../core/engine/recovery/ladder.ts';
import type { StepFailure } from '../../../core/ports/config.ts';
import type { Connector } from '../../../core/ports/erp/connector.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const thing = defineEntity('looked_thing', { code: field.code() });
declare module 'tutti' {
  interface Entities {
    looked_thing: typeof thing;
  }
}
const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));
const rows = defineWorkflow({
  name: 'looked.rows',
  graph: ({ foreach }) =>
    void foreach({
      id: 'at',
      items: query.looked_thing(),
      key: (each) => each.id,
      each: ({ task }) => task({ id: 'work', agent: worker, input: {} }),
    }),
});
const event = defineWorkflow({
  name: 'looked.event',
  graph: ({ wait }) => void wait({ id: 'at', for: { event: 'looked_thing', timeout: 'P30D' } }),
});
const one = defineWorkflow({
  name: 'looked.one',
  graph: ({ task }) => void task({ id: 'work', agent: worker, input: {} }),
});
const child = defineWorkflow({
  name: 'looked.child',
  graph: ({ workflow }) => void workflow({ id: 'at', workflow: one, input: {} }),
});
const asks = defineWorkflow({
  name: 'looked.asks',
  graph: ({ approval }) =>
    void approval({ id: 'at', title: 'Shall it be?', by: ['anna'], expires: 'PT1H' }),
});
const failures: StepFailure[] = [];
const config = {
  modules: [
    defineModule({
      name: 'looked',
      version: '1.0.0',
      agents: [worker],
      records: [thing],
      workflows: [rows, event, one, child, asks],
    }),
  ],
  onStepFailed: (failure: StepFailure) => void failures.push(failure),
};
const actor = { kind: 'person', id: 'tester' } as const;

/** An ERP of one record, which answers as it is told to. */
class Erp {
  /** What keeps it from answering; 'never': it hangs. */
  fault: ErrorCode | 'never' | null = null;
  asked = 0;

  get connector(): Connector {
    const answer = async <T>(of: T): Promise<T> => {
      this.asked += 1;
      if (this.fault === 'never') return await new Promise(() => {});
      if (this.fault) throw new EngineError(this.fault, 'It is being maintained.');
      return of;
    };
    const changes = (cursor: string | null) =>
      answer({
        events: cursor === null ? [] : [{ entity: 'looked_thing', id: '7', version: '1' }],
        cursor: '1',
      });
    const page = { rows: [{ id: '7', version: '1', code: 'seven' }], cursor: null };
    return { changes, query: () => answer(page) } as unknown as Connector;
  }
}

/** The database refuses a table's first three rows that steps ask for. */
const refuseThrice = (table: string, when: string, code: string): string => `
  CREATE SEQUENCE tutti.refusals;
  CREATE FUNCTION tutti.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF nextval('tutti.refusals') <= 3 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '${code}'; END IF; RETURN NEW; END $$;
  CREATE TRIGGER refuse BEFORE INSERT ON tutti.${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION tutti.refuse()`;
const refuseNoMore = 'DROP FUNCTION tutti.refuse() CASCADE; DROP SEQUENCE tutti.refusals';

describe('what the engine looks at by itself for a step', () => {
  const engines = new HandEngines(config);
  let erp: Erp;

  before(() => engines.prepare());
  beforeEach(() => {
    erp = new Erp();
    failures.splice(0);
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const open = (now?: number): Promise<HandEngine> =>
    engines.open(now, { connector: () => erp.connector });

  /** Lets time pass, and what starts succeed, until something holds. */
  async function passes(
    { clock, dispatcher }: HandEngine,
    holds: () => Promise<boolean> | boolean,
  ) {
    const done = new Set<number>();
    await eventually(async () => {
      clock.pass(5_000);
      for (const { ref } of dispatcher.jobs) {
        if (!done.has(ref)) dispatcher.succeed(ref);
        done.add(ref);
      }
      return await holds();
    });
  }
  const ends = (hand: HandEngine, id: string, status: string): Promise<void> =>
    passes(hand, async () => {
      const now = await engines.statusOf(id);
      assert.ok(['running', status].includes(now), now);
      return now === status;
    });
  const retries = async (id: string) =>
    (await engines.entriesOf(id, ['step.retrying'])).map(({ data }) => [data.code, data.failures]);

  for (const [what, workflow] of [
    ['the rows of a foreach', 'looked.rows'],
    ['from where events count', 'looked.event'],
  ] as const) {
    describe(what, () => {
      it('is looked at again when its ERP was away for a while', async () => {
        verifies('R8.retry', 'R9.offline');
        erp.fault = 'ERP_UNAVAILABLE';
        const hand = await open();
        const { id } = await hand.start(workflow);
        await passes(hand, () => erp.asked >= 5);
        erp.fault = null;

        await ends(hand, id, 'succeeded');
        const told = await retries(id);
        assert.deepEqual(
          told,
          told.map((_, index) => ['ERP_UNAVAILABLE', index + 1]),
        );
        assert.ok(told.length >= 4);
        assert.deepEqual(failures, []);
      });

      it('fails its step for what keeps it away, when that stays', async () => {
        verifies('R8.retry');
        erp.fault = 'ERP_UNAVAILABLE';
        const hand = await open();
        const { id } = await hand.start(workflow);

        await ends(hand, id, 'failed');
        assert.deepEqual(await engines.stepsOf(id), { at: 'ERP_UNAVAILABLE' });
        assert.equal(erp.asked, 25);
      });

      it('fails its step at once for what lasts, and who is to hear of failures does', async () => {
        verifies('R8.retry');
        erp.fault = 'ERP_REJECTED';
        const hand = await open();
        const { id } = await hand.start(workflow);

        await ends(hand, id, 'failed');
        assert.deepEqual(await engines.stepsOf(id), { at: 'ERP_REJECTED' });
        assert.equal(erp.asked, 1);
        await eventually(() => failures.length > 0);
        assert.deepEqual(
          failures.map(({ runId, step, agent, error }) => [runId, step, agent, error.code]),
          [[id, 'at', null, 'ERP_REJECTED']],
        );
      });

      it('is looked at again when its ERP has not answered for a minute', async () => {
        verifies('R9.offline');
        erp.fault = 'never';
        const hand = await open();
        const { id } = await hand.start(workflow);
        await passes(hand, () => erp.asked >= 2);
        erp.fault = null;

        await ends(hand, id, 'succeeded');
      });

      it('is looked at no more once its run is cancelled', async () => {
        verifies('R8.cancel');
        erp.fault = 'ERP_UNAVAILABLE';
        const hand = await open();
        const { id } = await hand.start(workflow);
        await passes(hand, () => erp.asked >= 2);

        await hand.engine.ask({ tenantId: 1, runId: id, kind: 'cancel', actor });
        await ends(hand, id, 'cancelled');
        const until = erp.asked;
        hand.clock.pass(600_000);
        assert.equal(erp.asked, until);
      });

      it('is not looked at while its run is paused, and costs no try', async () => {
        verifies('R8.retry');
        erp.fault = 'ERP_UNAVAILABLE';
        const hand = await open();
        const { id } = await hand.start(workflow);
        await passes(hand, async () => (await retries(id)).length >= 2);

        await hand.engine.ask({ tenantId: 1, runId: id, kind: 'pause', actor });
        await eventually(async () => (await engines.statusOf(id)) === 'paused');
        const [until, tried] = [erp.asked, (await retries(id)).length];
        hand.clock.pass(3_600_000);
        assert.deepEqual([erp.asked, (await retries(id)).length], [until, tried]);

        erp.fault = null;
        await hand.engine.ask({ tenantId: 1, runId: id, kind: 'resume', actor });
        await eventually(async () => (await engines.statusOf(id)) !== 'paused');
        await ends(hand, id, 'succeeded');
      });

      it('is looked at by the engine that takes its run over, which goes on counting', async () => {
        verifies('R8.crash', 'R8.retry');
        erp.fault = 'ERP_UNAVAILABLE';
        const first = await open();
        const { id } = await first.start(workflow);
        await passes(first, async () => (await retries(id)).length >= 3);
        await first.engine.stop();
        const before = (await retries(id)).length;

        const second = await open(first.clock.now());
        await passes(second, async () => (await retries(id)).length > before);
        erp.fault = null;
        await ends(second, id, 'succeeded');
        const counts = (await retries(id)).map(([, failed]) => failed);
        assert.deepEqual(
          counts,
          counts.map((_, index) => index + 1),
        );
      });
    });
  }

  for (const [what, workflow, table, when] of [
    ['a run that a step starts', 'looked.child', 'run', 'NEW.parent_run_id IS NOT NULL'],
    ['a question to people', 'looked.asks', 'approval', 'true'],
  ] as const) {
    for (const [why, code, counts] of [
      ['another transaction was in its way', '40P01', [1, 2, 3]],
      ['the database had no room for it', '53300', []],
    ] as const) {
      it(`stores ${what} again when ${why}`, async () => {
        verifies('R8.retry', 'R9.offline');
        await engines.database.admin((client) => client.query(refuseThrice(table, when, code)));
        const hand = await open();
        const { id } = await hand.start(workflow);
        await passes(
          hand,
          async () => !['ready', undefined].includes((await engines.stepsOf(id)).at),
        );
        await engines.database.admin((client) => client.query(refuseNoMore));

        assert.match((await engines.stepsOf(id)).at ?? '', /^(waiting|succeeded)$/);
        const tries = counts.map((count) => ['DB_UNAVAILABLE', count]);
        assert.deepEqual(await retries(id), tries);
        const { rows: stored } = await engines.pool.query(
          `SELECT FROM tutti.${table} WHERE ${table === 'run' ? 'parent_run_id' : 'run_id'} = $1`,
          [id],
        );
        assert.equal(stored.length, 1);
      });
    }
  }

  it('waits longer from failure to failure, and for what says nothing about the step costs no try', () => {
    const away = { code: 'ERP_UNAVAILABLE', message: '' } as const;
    const delays: number[] = [];
    let tries: Tries = noTries;
    for (let next = nextLook(away, tries, 1); next; next = nextLook(away, tries, 1)) {
      delays.push(next.delayMs);
      tries = next.tries;
    }
    assert.deepEqual(delays.slice(0, 8), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert.equal(delays.length, 24);

    const outage = { code: 'DB_UNAVAILABLE', message: '' } as const;
    assert.equal(nextLook(outage, tries)?.tries, tries);
    assert.equal(nextLook({ code: 'ERP_REJECTED', message: '' }, noTries), null);
  });
});
