import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../../core/base/ids.ts';
import type { ApprovalView } from '../../core/engine/approvals/view.ts';
import { keyOf, Yard } from '../engine/approvals/yard.ts';
import { sharedFolder } from '../support/compile-cache.ts';
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

/** What is submitted for an engine that dies at a point, and what people were asked of it. */
interface Submitted {
  readonly attended: boolean;
  readonly parcel: string;
  readonly point: string;
  readonly id: string;
}
interface Asked extends Omit<Submitted, 'id'> {
  readonly view: ApprovalView;
}

describe('an engine that dies around an approval', function () {
  this.timeout(900_000);
  let yard: Yard;

  before(async () => {
    yard = await Yard.open();
  });
  after(async function () {
    await yard.close(this);
  });

  /** An engine that dies at a crash point, whose passes count once it is armed. */
  function mortal(at: string) {
    const armed = join(sharedFolder, newId());
    const engine = startLabEngine(
      yard.fresh.url,
      { CRASH_FROM: armed },
      { at, config: 'effects.config.ts' },
    );
    return { ...engine, at, arm: () => writeFileSync(armed, '') };
  }

  /** Waits until an engine dies at its crash point; one that does not come to it soon after it `isDone` is ended, which is an error. */
  async function dies(
    { child, ended, at }: ReturnType<typeof mortal>,
    isDone: () => Promise<boolean>,
  ): Promise<void> {
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

  /** Keeps stored runs from any engine until it is told not to. */
  async function keep(runIds: readonly string[]): Promise<() => Promise<void>> {
    const client = await yard.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM tutti.run WHERE id = ANY ($1::uuid[]) FOR UPDATE', [runIds]);
    return async () => {
      await client.query('ROLLBACK');
      client.release();
    };
  }

  it('asks once, whenever it dies, for a step that waits and for a proposal', async () => {
    verifies('R12.approvals');
    /** What the engine that died last has left. */
    let left: readonly Submitted[] = [];
    const assertAsked = async (): Promise<void> => {
      for (const { attended, parcel, id, point } of left) {
        await yard.question(id);
        if (attended) await yard.waiting(id);
        else await yard.became(id);
        assert.deepEqual(await statesOf(id), ['open'], point);
        assert.equal(await yard.slips(parcel), 0);
      }
    };
    for (const point of asking) {
      const runs: Submitted[] = [];
      for (const attended of kinds) {
        const parcel = await yard.parcel(`A${attended}${point}`);
        runs.push({ attended, parcel, point, id: await yard.submit({ parcel, attended }) });
      }
      const free = await keep(runs.map(({ id }) => id));
      const engine = mortal(point);
      await engine.ready;
      await assertAsked();
      engine.arm();
      await free();
      await dies(engine, async () => {
        const states = await Promise.all(runs.map(({ id }) => statesOf(id)));
        return states.every(({ length }) => length > 0);
      });
      left = runs;
    }
    await yard.reopen();
    await assertAsked();
  });

  it('writes once, whenever it dies, for a step that waits and for a proposal', async () => {
    verifies('R12.approvals');
    const asked: Asked[] = [];
    await yard.reopen();
    for (const point of doing)
      for (const attended of kinds) {
        const parcel = await yard.parcel(`B${attended}${point}`);
        const view = await yard.asked({ parcel, attended });
        if (attended) await yard.waiting(String(view.runId));
        else await yard.became(String(view.runId));
        asked.push({ attended, parcel, point, view });
      }
    await yard.rest();
    /** What the engine that died last has left. */
    let left: readonly Asked[] = [];
    const assertWritten = async (): Promise<void> => {
      for (const { attended, parcel, point, view } of left) {
        if (attended) assert.match(await yard.became(String(view.runId)), /^(applied|replayed)$/);
        else assert.equal(await yard.became(await yard.applied(view.id)), '');
        assert.equal(await yard.slips(parcel), 1, point);
        assert.equal(await yard.effect(keyOf(view)), 'applied', point);
        assert.deepEqual(await yard.questions(keyOf(view)), ['consumed'], point);
      }
    };
    for (const point of doing) {
      const engine = mortal(point);
      await engine.ready;
      await assertWritten();
      engine.arm();
      left = asked.filter((each) => each.point === point);
      for (const { view } of left) await yard.say(view.id, 'anna');
      await dies(engine, async () => {
        const states = await Promise.all(left.map(({ view }) => yard.effect(keyOf(view))));
        return states.every((state) => state === 'applied');
      });
    }
    await yard.reopen();
    await assertWritten();
  });
});
