import assert from 'node:assert/strict';
import type { ExplainedStep } from '../../../core/engine/explain/explanation.ts';
import { task } from '../../support/fixtures/graphs.ts';
import { Stage } from '../explain/stage.ts';

const agent = 'm0.work';
const turn = { ms: 5_000, thenMs: 0, tokens: 500 };
/** All of what `said` had to say is recorded, and the first half of what `half` has. */
const turns: Readonly<Record<string, number>> = { half: 2 };
const recorded: Readonly<Record<string, number>> = { said: 1, half: 1 };

/** A model that lets one call through at once: `first` has it, and `blocked` waits for it, before the rest. */
function aStage(): Stage {
  return new Stage({
    nodes: [
      task('first', { agent, priority: 10 }),
      task('blocked', { agent, priority: 9 }),
      task('said', { agent, priority: 1 }),
      task('half', { agent, priority: 1 }),
    ],
    modules: ['m0'],
    limits: { running: 9, perRun: 9, perModule: 9 },
    modelLimit: { concurrency: 1 },
    scriptOf: ({ stepPath }) => ({
      turns: Array.from({ length: turns[stepPath] ?? 1 }, () => turn),
      bytes: 1_000,
    }),
    recordedOf: (path) => recorded[path] ?? 0,
  });
}

describe('a conversation that goes on', () => {
  it('starts with what was recorded, behind nobody who waits for its model, and waits when it asks', async () => {
    const stage = aStage();
    const { clock, starts, explainer, subject } = stage;
    const begunAt = clock.now();
    let told: readonly ExplainedStep[] = [];

    await stage.play(3_000, async () => {
      if (clock.now() < begunAt + 5_000)
        told = (await explainer.explain(subject.facts.id))?.steps ?? [];
    });

    const since = (path: string) => starts.get(path)?.map((at) => at - begunAt);
    assert.deepEqual(since('said'), [0]);
    assert.equal(since('half')?.[0], 0);
    assert.ok((since('blocked')?.[0] as number) >= 5_000);
    assert.deepEqual(
      told.map(({ path, blockers: [first] }) => [path, first?.kind]),
      [
        ['blocked', 'model_concurrency'],
        ['half', 'model_concurrency'],
      ],
    );
  });
});
