import assert from 'node:assert/strict';
import { defineModule, defineWorkflow } from 'tutti';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const ask = defineWorkflow({
  name: 'lab.ask',
  graph: ({ approval }) =>
    void approval({ id: 'may', title: 'May it?', show: {}, by: ['anna'], expires: 'PT10M' }),
});
const modules = [defineModule({ name: 'lab', version: '1.0.0', workflows: [ask] })];
const hourMs = 3_600_000;

describe("a step's question under an engine whose clock is not the database's", () => {
  const engines = new HandEngines({ modules });

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const approvals = () => new Approvals(engines.pool);
  const grant = (id: string) =>
    approvals().decide({
      ...{ tenantId: 1, id, person: 'anna', decision: 'granted', note: null, via: 'api' },
      actor: { kind: 'person', id: 'anna' },
    } as unknown as Parameters<Approvals['decide']>[0]);

  /** A run of an engine whose clock goes wrong by so much, and its question. */
  async function asked(wrongMs: number) {
    const hand = await engines.open(Date.now() + wrongMs);
    const run = await hand.start('lab.ask', {});
    await eventually(async () => (await engines.stepsOf(run.id)).may === 'waiting');
    const [question] = await approvals().list(1, { runId: run.id, limit: 1 });
    return { hand, run, question: question as NonNullable<typeof question> };
  }

  /** Time passes on the engine's clock, and what it does then is done. */
  async function pass({ clock }: HandEngine, ms: number): Promise<void> {
    for (let second = 0; second < 3; second += 1) {
      clock.pass(ms / 3);
      await engines.pool.query('SELECT 1');
      await new Promise(setImmediate);
    }
  }

  for (const [name, wrongMs] of [
    ['behind', -hourMs],
    ['ahead', hourMs],
  ] as const)
    it(`may be decided for as long as it says: ${name} by an hour`, async () => {
      verifies('R12.approvals');
      const { hand, run, question } = await asked(wrongMs);
      assert.equal(question.state, 'open');
      const leftMs = question.expiresAt.getTime() - Date.now();
      assert.ok(leftMs > 0 && leftMs <= hourMs / 6, `${leftMs} ms left`);

      await pass(hand, hourMs);
      assert.equal((await approvals().find(1, question.id)).state, 'open');
      assert.equal((await grant(question.id)).state, 'granted');

      let status: string | null = null;
      void run.ended.then((each) => {
        status = each;
      });
      await eventually(() => {
        hand.clock.pass(1_001);
        return status !== null;
      });
      assert.equal(status, 'succeeded');
    });

  it('is over once the database says so, which the step then hears', async () => {
    const { hand, run, question } = await asked(0);
    await pass(hand, hourMs);
    await engines.pool.query('UPDATE tutti.approval SET expires_at = now() WHERE id = $1', [
      question.id,
    ]);

    await eventually(async () => {
      hand.clock.pass(hourMs / 6);
      return (await engines.stepsOf(run.id)).may === 'APPROVAL_REFUSED';
    });
    assert.equal((await approvals().find(1, question.id)).state, 'expired');
  });
});
