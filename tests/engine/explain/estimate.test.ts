import assert from 'node:assert/strict';
import { benchGraphs } from '../../../bench/graph.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { Node } from '../../../core/sdk/node.ts';
import { task } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';
import { type Script, Stage, type StageSetup } from './stage.ts';

/** An estimate of a start and what came of it, both in milliseconds from when it was made. */
interface Estimate {
  readonly path: string;
  readonly madeAt: number;
  readonly expectedMs: number | null;
  readonly actualMs: number;
}

/** Waits shorter than this say nothing, milliseconds. */
const shortestMs = 100;

/** What a run's steps were told of their starts, again and again while it went on. */
async function estimatesOf(setup: StageSetup, everyMs: number): Promise<readonly Estimate[]> {
  const stage = new Stage(setup);
  const told: { readonly path: string; readonly madeAt: number; readonly at: number | null }[] = [];
  await stage.play(everyMs, async () => {
    const madeAt = stage.clock.now();
    const explained = await stage.explainer.explain(stage.subject.facts.id, {
      limit: nodes.length,
    });
    for (const { path, startAt } of explained?.steps ?? [])
      told.push({ path, madeAt, at: startAt === null ? null : Date.parse(startAt) });
  });
  return told.flatMap(({ path, madeAt, at }) => {
    const actual = stage.starts.get(path)?.find((start) => start >= madeAt);
    if (actual === undefined || actual - madeAt <= shortestMs) return [];
    return [
      { path, madeAt, expectedMs: at === null ? null : at - madeAt, actualMs: actual - madeAt },
    ];
  });
}

function errorOf({ expectedMs, actualMs }: Estimate): number {
  return expectedMs === null ? 1 : Math.abs(expectedMs - actualMs) / actualMs;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] as number;
}

/** The uneven W500 of the bench: 500 agents in 5 layers, four modules, one in ten calls takes four times as long. */
const graph = benchGraphs.w500j();
const nodes: readonly Node[] = graph.nodes.map((node) =>
  task(`n${node.index}`, {
    agent: `m${node.module}.work`,
    priority: node.priority,
    after: node.deps.map((dep) => `n${dep}`),
  }),
);

/** One or two calls of 2 s and more, with tools between them. */
function scriptOf({ stepPath }: Pick<Job, 'stepPath'>): Script {
  const node = graph.nodes[Number(stepPath.slice(1))];
  const factor = node?.factor ?? 1;
  const first = { ms: 2_000 * factor, thenMs: 150, tokens: 700 };
  const last = { ms: 3_000 * factor, thenMs: 20, tokens: 900 };
  return { turns: (node?.index ?? 0) % 3 === 0 ? [last] : [first, last], bytes: 3_000 };
}

const setup = { nodes, modules: ['m0', 'm1', 'm2', 'm3'], scriptOf };
const cases: readonly (readonly [string, Pick<StageSetup, 'limits' | 'modelLimit'>])[] = [
  ['slots', { limits: { running: 40, perRun: 40, perModule: 12 }, modelLimit: {} }],
  [
    'calls at once',
    { limits: { running: 256, perRun: 256, perModule: 128 }, modelLimit: { concurrency: 30 } },
  ],
  [
    'requests',
    {
      limits: { running: 256, perRun: 256, perModule: 128 },
      modelLimit: { requestsPerMinute: 200 },
    },
  ],
  [
    'tokens',
    {
      limits: { running: 256, perRun: 256, perModule: 128 },
      modelLimit: { tokensPerMinute: 250_000 },
    },
  ],
];

describe('estimates of starts', () => {
  for (const [what, limits] of cases) {
    it(`are wrong by less than 30 % in the middle where ${what} bind`, async () => {
      verifies('R2.explain');
      const estimates = await estimatesOf({ ...setup, ...limits }, 12_000);

      const errors = estimates.map(errorOf);
      assert.ok(estimates.length > 500, `${estimates.length} estimates`);
      assert.ok(median(errors) <= 0.3, `the median is ${median(errors)}`);
    });
  }
});
