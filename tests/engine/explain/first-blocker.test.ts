import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { task } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';
import { Stage } from './stage.ts';

/** A clock that has moved on by a little whenever it is read: nothing takes no time. */
class MovingClock extends FakeClock {
  #passedMs = 0;

  override now(): number {
    return super.now() + this.#passedMs;
  }

  override monotonic(): number {
    this.#passedMs += 0.3;
    return this.now();
  }
}

const limit = fc.constantFrom(1, 2, 3, 6, 30);
const gates = fc.record(
  {
    concurrency: fc.integer({ min: 1, max: 6 }),
    requestsPerMinute: fc.integer({ min: 12, max: 60 }),
    tokensPerMinute: fc.integer({ min: 9_000, max: 60_000 }),
    burst: fc.integer({ min: 1, max: 4 }),
  },
  { requiredKeys: [] },
);
const turn = fc.record({
  ms: fc.integer({ min: 50, max: 4_000 }),
  thenMs: fc.constantFrom(0, 20, 700),
  tokens: fc.integer({ min: 100, max: 1_500 }),
  fails: fc.constantFrom(false, false, true),
});
const work = fc.record({
  module: fc.constantFrom('m0', 'm1', 'm2'),
  priority: fc.integer({ min: 1, max: 10 }),
  after: fc.array(fc.nat(40), { maxLength: 2 }),
  turns: fc.array(turn, { minLength: 2, maxLength: 3 }),
  recorded: fc.constantFrom(0, 0, 0, 1),
  bytes: fc.integer({ min: 200, max: 2_500 }),
});
/** States of an engine, and when somebody asks. */
const states = fc.record({
  works: fc.array(work, { minLength: 5, maxLength: 30 }),
  limits: fc.record({ running: limit, perRun: limit, perModule: limit }),
  modelLimit: gates,
  moduleLimit: gates,
  tenantLimit: gates,
  everyMs: fc.integer({ min: 300, max: 7_000 }),
});
type State = typeof states extends fc.Arbitrary<infer T> ? T : never;

function stageOf({ works, everyMs: _, ...limits }: State): Stage {
  const workAt = (path: string) => works[Number(path.slice(1))] as State['works'][number];
  return new Stage({
    ...limits,
    clock: new MovingClock(),
    modules: ['m0', 'm1', 'm2'],
    nodes: works.map(({ module, priority, after }, index) =>
      task(`n${index}`, {
        agent: `${module}.work`,
        priority,
        after: index === 0 ? [] : [...new Set(after.map((each) => `n${each % index}`))],
      }),
    ),
    scriptOf: ({ stepPath }) => workAt(stepPath),
    recordedOf: (path) => workAt(path).recorded,
  });
}

/** What must have been first somewhere. */
const kinds = ['dependency', 'run', 'module', 'retry', 'queue', 'model_tokens', 'burst'];

const fewest = 150;

/**
 * A look tries out for each waiting step what starts it, and a run of a narrow purse has hundreds of moments that are much alike: the first
 * six are looked at, and then ever fewer, to its end.
 */
function isLookedAt(moment: number): boolean {
  return moment <= 6 || Number.isInteger(Math.log2(moment));
}

describe('a step that waits', () => {
  it('has something in its way at any moment, in any state, or has been started', async () => {
    verifies('R2.explain');
    const firsts = new Map<string, number>();
    let looks = 0;
    const property = fc.asyncProperty(states, async (state) => {
      const stage = stageOf(state);
      const { explainer, subject } = stage;
      let moment = 0;
      await stage.play(state.everyMs, async () => {
        moment += 1;
        if (!isLookedAt(moment)) return;
        looks += 1;
        const told = await explainer.explain(subject.facts.id);
        for (const { path, status, isFollowUp, blockers } of told?.steps ?? []) {
          const [first] = blockers;
          assert.ok(first, `nothing keeps ${path} (${status}, asks: ${isFollowUp}) from going on`);
          firsts.set(first.kind, (firsts.get(first.kind) ?? 0) + 1);
        }
      });
    });
    const unseen = () => kinds.filter((kind) => !firsts.has(kind));
    // Chance may leave one out for a while.
    for (let round = 0; round < 10 && (looks <= fewest || unseen().length > 0); round += 1)
      await fc.assert(property, { numRuns: 30 });
    assert.ok(looks > fewest, `${looks} looks`);
    assert.deepEqual(unseen(), [], `first were ${[...firsts.keys()]}`);
  });

  it('starts in the very look in which the conversation that it was passed over for loses its slot', async () => {
    const brief = { module: 'm1', after: ['first'], recorded: 1, turns: [[1, 1]], bytes: 200 };
    const works: Readonly<Record<string, typeof brief>> = {
      talk: {
        module: 'm0',
        after: [],
        recorded: 0,
        turns: [
          [5, 1_500],
          [9, 100],
        ],
        bytes: 2_500,
      },
      first: { ...brief, after: [] },
      second: { ...brief, module: 'm2' },
      passed: { ...brief, recorded: 0, turns: [[9, 100]] },
      taker: { ...brief, module: 'm0', after: ['second'] },
    };
    const workAt = (path: string) => works[path] as typeof brief;
    const stage = new Stage({
      limits: { running: 4, perRun: 4, perModule: 1 },
      modelLimit: { tokensPerMinute: 4_000 },
      modules: ['m0', 'm1', 'm2'],
      nodes: Object.entries(works).map(([name, { module, after }]) =>
        task(name, { agent: `${module}.work`, after }),
      ),
      scriptOf: ({ stepPath }) => {
        const { bytes, turns } = workAt(stepPath);
        return { bytes, turns: turns.map(([ms = 0, tokens = 0]) => ({ ms, thenMs: 0, tokens })) };
      },
      recordedOf: (path) => workAt(path).recorded,
    });
    await stage.play(60_000, async () => {});

    const startOf = (path: string) => stage.starts.get(path)?.[0] as number;
    assert.ok(startOf('passed') > startOf('second'), 'kept for the conversation at first');
    assert.equal(startOf('passed'), startOf('taker'));
  });
});
