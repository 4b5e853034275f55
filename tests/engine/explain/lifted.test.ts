import assert from 'node:assert/strict';
import { benchGraphs } from '../../../bench/graph.ts';
import type { ExplainedStep } from '../../../core/engine/explain/explanation.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { Node } from '../../../core/sdk/node.ts';
import { task } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';
import { type Script, Stage, type StageSetup } from './stage.ts';

const graph = benchGraphs.w500j();
const nodes: readonly Node[] = graph.nodes.map((node) =>
  task(`n${node.index}`, {
    agent: `m${node.module}.work`,
    priority: node.priority,
    after: node.deps.map((dep) => `n${dep}`),
  }),
);
/** So many of the waiting steps are asked about one by one at each look: most of those that are ready, some of the others. */
const askedAtOnce = { ready: 4, other: 1 };
/** In turns slots and gates are what binds. */
const tight: readonly Pick<StageSetup, 'limits' | 'modelLimit'>[] = [
  { limits: { running: 24, perRun: 18, perModule: 6 }, modelLimit: { requestsPerMinute: 400 } },
  {
    limits: { running: 64, perRun: 60, perModule: 24 },
    modelLimit: { concurrency: 16, requestsPerMinute: 300 },
  },
  {
    limits: { running: 30, perRun: 64, perModule: 64 },
    modelLimit: { tokensPerMinute: 220_000, burst: 6 },
  },
];

interface Asked {
  readonly at: string;
  readonly step: ExplainedStep;
}

/** A run that is asked again and again about some of its waiting steps. */
async function askedSteps(
  limits: Pick<StageSetup, 'limits' | 'modelLimit'>,
): Promise<readonly Asked[]> {
  const stage = new Stage({ ...limits, nodes, modules: ['m0', 'm1', 'm2', 'm3'], scriptOf });
  const { explainer, subject } = stage;
  const asked: Asked[] = [];
  await stage.play(9_700, async () => {
    const waiting = (await explainer.explain(subject.facts.id))?.steps ?? [];
    const isReady = ({ status }: ExplainedStep) => status !== 'pending';
    const chosen = [
      ...some(waiting.filter(isReady), askedAtOnce.ready),
      ...some(
        waiting.filter((step) => !isReady(step)),
        askedAtOnce.other,
      ),
    ];
    for (const { path } of chosen) {
      const told = await explainer.explain(subject.facts.id, { step: path });
      const [step] = told?.steps ?? [];
      if (told && step) asked.push({ at: told.at, step });
    }
  });
  return asked;
}

/** At most `count` of them, from all over the list. */
function some<T>(all: readonly T[], count: number): readonly T[] {
  const each = Math.ceil(all.length / count);
  return all.filter((_, index) => index % each === 0);
}

function scriptOf({ stepPath }: Pick<Job, 'stepPath'>): Script {
  const { factor, index } = graph.nodes[Number(stepPath.slice(1))] as (typeof graph.nodes)[0];
  const turn = { ms: 2_000 * factor, thenMs: 900, tokens: 700 };
  return { turns: index % 3 === 0 ? [turn] : [turn, turn], bytes: 3_000 };
}

describe('the first thing in the way of a waiting step', () => {
  it('makes the step start when it alone is lifted: at once where it stands alone, else when time has lifted the rest', async () => {
    verifies('R2.explain');
    const asked = (await Promise.all(tight.map(askedSteps))).flat();

    const firsts = new Map<string, number>();
    let alone = 0;
    for (const { at, step } of asked) {
      const [first, ...others] = step.blockers;
      assert.ok(first, `nothing keeps ${step.path} from starting`);
      assert.ok(first.ifLifted, `${step.path} does not start without ${first.kind}`);
      assert.ok(
        step.startAt && first.ifLifted <= step.startAt,
        `${step.path} starts later without ${first.kind}`,
      );
      if (others.length === 0) {
        assert.equal(
          first.ifLifted,
          at,
          `${step.path} does not start at once without ${first.kind}`,
        );
        alone += 1;
      }
      firsts.set(first.kind, (firsts.get(first.kind) ?? 0) + 1);
    }
    assert.ok(asked.length > 150 && alone > 30, `${asked.length} asked, ${alone} alone`);
    for (const kind of [
      'dependency',
      'run',
      'module',
      'model_concurrency',
      'model_requests',
      'model_tokens',
      'burst',
    ])
      assert.ok(firsts.has(kind), `${kind} was never first: ${[...firsts.keys()]}`);
  });
});
