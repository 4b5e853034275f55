import assert from 'node:assert/strict';
import type { ApprovalView } from '../../core/engine/approvals/view.ts';
import { keyOf, Yard } from '../engine/approvals/yard.ts';
import { startLabEngine } from '../support/crash-lab.ts';
import { eventually } from '../support/eventually.ts';
import { verifies } from '../support/verifies.ts';

/** Who waits for the answer: a step, or nobody, and what was granted has a run of its own. */
const kinds = [true, false];
/** Between proposal and question; between question and the answer to the step; between two questions. */
const asking = ['after-flush:2', 'after-flush:3', 'after-question:1', 'after-question:2'];
/** Between a grant and its run; while it begins; between either write and its record. */
const doing = [
  'after-apply:1',
  'after-flush:2',
  'before-flush:3',
  'after-flush:3',
  'after-tool:1',
  'after-tool:2',
];

describe('an engine that dies around an approval', function () {
  this.timeout(900_000);
  let yard: Yard;

  before(async () => {
    yard = await Yard.open();
  });
  after(async function () {
    await yard.close(this);
  });

  /** Lets an engine work until it dies at a crash point; one that does not come to it soon after it `isDone` is ended, which is an error. */
  async function dieAt(at: string, isDone: () => Promise<boolean>): Promise<void> {
    const { child, ended } = startLabEngine(
      yard.fresh.url,
      {},
      { at, config: 'effects.config.ts' },
    );
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    while (!isOver && !(await isDone())) await new Promise((resolve) => setTimeout(resolve, 50));
    // What is committed is there to see before the engine hears of it, and comes to the point.
    await eventually(() => isOver).catch(() => child.kill('SIGTERM'));
    assert.equal((await ended).signal, 'SIGKILL', at);
  }

  async function statesOf(runId: string): Promise<readonly string[]> {
    const text = 'SELECT state FROM tutti.approval WHERE run_id = $1';
    return (await yard.query<{ state: string }>(text, [runId])).map(({ state }) => state);
  }

  it('asks once, whenever it dies, for a step that waits and for a proposal', async () => {
    verifies('R12.approvals');
    for (const point of asking) {
      const runs: { readonly attended: boolean; readonly parcel: string; readonly id: string }[] =
        [];
      for (const attended of kinds) {
        const parcel = await yard.parcel(`A${attended}${point}`);
        runs.push({ attended, parcel, id: await yard.submit({ parcel, attended }) });
      }
      await dieAt(point, async () => {
        const states = await Promise.all(runs.map(({ id }) => statesOf(id)));
        return states.every(({ length }) => length > 0);
      });

      await yard.reopen();
      for (const { attended, parcel, id } of runs) {
        await yard.question(id);
        if (attended) await yard.waiting(id);
        else await yard.became(id);
        assert.deepEqual(await statesOf(id), ['open'], point);
        assert.equal(await yard.slips(parcel), 0);
      }
      await yard.rest();
    }
  });

  it('writes once, whenever it dies, for a step that waits and for a proposal', async () => {
    verifies('R12.approvals');
    await yard.reopen();
    for (const point of doing) {
      const asked: { readonly attended: boolean; readonly parcel: string; view: ApprovalView }[] =
        [];
      for (const attended of kinds) {
        const parcel = await yard.parcel(`B${attended}${point}`);
        const view = await yard.asked({ parcel, attended });
        if (attended) await yard.waiting(String(view.runId));
        else await yard.became(String(view.runId));
        asked.push({ attended, parcel, view });
      }
      await yard.rest();
      for (const { view } of asked) await yard.say(view.id, 'anna');
      await dieAt(point, async () => {
        const states = await Promise.all(asked.map(({ view }) => yard.effect(keyOf(view))));
        return states.every((state) => state === 'applied');
      });

      await yard.reopen();
      for (const { attended, parcel, view } of asked) {
        if (attended) assert.match(await yard.became(String(view.runId)), /^(applied|replayed)$/);
        else assert.equal(await yard.became(await yard.applied(view.id)), '');
        assert.equal(await yard.slips(parcel), 1, point);
        assert.equal(await yard.effect(keyOf(view)), 'applied', point);
        assert.deepEqual(await yard.questions(keyOf(view)), ['consumed'], point);
      }
    }
  });
});
