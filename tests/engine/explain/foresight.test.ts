import assert from 'node:assert/strict';
import type { Pieces } from '../../../core/base/pieces.ts';
import type { Explanation } from '../../../core/engine/explain/explanation.ts';
import { Foresight } from '../../../core/engine/explain/foresight.ts';
import type { Forecast } from '../../../core/engine/schedule/expected-work.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { task } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';
import { Stage } from './stage.ts';

type Looked = { readonly foreseen: Forecast };

/** An engine whose looks ahead take so long, and what they have seen. */
class Looking {
  readonly clock = new FakeClock(0);
  /** Of all runs. */
  steps = 20;
  readonly foresight = new Foresight(this.clock, () => this.steps);
  readonly looks: Forecast[] = [];
  readonly #tookMs: number;

  constructor(tookMs: number) {
    this.#tookMs = tookMs;
  }

  readonly work = (): Pieces<Looked> => this.#look();

  *#look(): Pieces<Looked> {
    const foreseen = { makespanMs: this.looks.length } as Forecast;
    this.looks.push(foreseen);
    this.clock.pass(this.#tookMs);
    if (this.#tookMs >= 100) yield;
    return { foreseen };
  }

  lately(): Forecast | null {
    return this.foresight.lately(null, this.work);
  }
}

const aTurn = () => new Promise(setImmediate);

describe('looking ahead', () => {
  it('is done anew for each question while it is cheap', async () => {
    const looking = new Looking(40);
    await looking.foresight.look(null, looking.work);
    assert.equal(looking.lately(), null);
    assert.equal(looking.looks.length, 1);

    looking.steps += 5_000;
    assert.equal(
      looking.lately(),
      looking.looks[0],
      'what is about to be dear keeps nobody waiting',
    );
    assert.equal(looking.looks.length, 2);
  });

  it('answers by the last forecast where it is dear, and makes the next beside everything else after nine times as long', async () => {
    verifies('R2.explain');
    const looking = new Looking(100);
    const { foresight, work, looks, clock } = looking;
    const looked = foresight.look(null, work);
    clock.pass(400);
    await looked;

    clock.pass(899);
    assert.equal(looking.lately(), looks[0]);
    assert.equal(looks.length, 1);
    clock.pass(2);
    assert.equal(looking.lately(), looks[0], 'nobody waits for the next one');
    assert.equal(looking.lately(), looks[0]);
    assert.equal(looks.length, 2, 'which has begun once');
    clock.pass(400);
    await aTurn();
    assert.equal(looking.lately(), looks[1]);
    clock.pass(900 + 60_001);
    assert.equal(looking.lately(), null, 'whoever asks after a long time waits for a new one');
  });

  it('goes over thousands of steps without keeping anybody waiting, and over a few at one moment', async () => {
    verifies('R2.explain');
    for (const [count, isLong] of [
      [20, false],
      [3_000, true],
    ] as const) {
      const stage = new Stage({
        nodes: Array.from({ length: count }, (_, index) => task(`t${index}`, { agent: 'm0.work' })),
        modules: ['m0'],
        limits: { running: 4, perRun: 4, perModule: 4 },
        modelLimit: {},
        scriptOf: () => ({ turns: [{ ms: 100, thenMs: 0, tokens: 10 }], bytes: 100 }),
      });
      let turns = -1;
      let told: Explanation | null = null;
      await stage.play(50, async () => {
        if (turns >= 0) return;
        const others = (): void => {
          turns += 1;
          next = setImmediate(others);
        };
        let next = setImmediate(others);
        turns = 0;
        told = await stage.explainer.explain(stage.subject.facts.id);
        clearImmediate(next);
      });

      const { steps, more } = told as unknown as Explanation;
      const first = Math.min(count - 4, 200);
      assert.deepEqual([steps.length, more], [first, count - 4 - first]);
      assert.equal(turns > 5, isLong, `${turns} turns of the loop`);
    }
  });
});
