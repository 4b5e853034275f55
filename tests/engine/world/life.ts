import fc from 'fast-check';
import type { RunningLimits } from '../../../core/engine/schedule/scheduler.ts';
import type { ModelLimit } from '../../../core/ports/config.ts';
import type { Node, WorkflowData } from '../../../core/sdk/node.ts';
import { workflow } from '../../support/fixtures/graphs.ts';
import { nodeOf, nodeShape } from '../../support/fixtures/simulation.ts';
import { agentNames } from './agents.ts';

/** A run of the world: its graph, and what it says about itself. */
export interface RunSetup {
  readonly data: WorkflowData;
  readonly attended: boolean;
}

/** What does not change while a world lives. */
export interface Setup {
  readonly runs: readonly RunSetup[];
  readonly limits: RunningLimits;
  /** Null: agents run their playbooks. */
  readonly modelLimits: Readonly<Record<string, ModelLimit>> | null;
  readonly dailyBudgetMicroUsd: number | undefined;
  readonly startsAt: number;
  /** Once in so many things that a thread does it writes, fails, or is never heard of again. */
  readonly habits: { readonly write: number; readonly fail: number; readonly stuck: number };
}

/** How often something happens, beside what engines and threads do all the time (100). */
export interface Weights {
  readonly pass: number;
  readonly lose: number;
  readonly crash: number;
  readonly fence: number;
  readonly retire: number;
  readonly outage: number;
  /** Another engine spends from the purses that all share. */
  readonly rival: number;
  readonly cancel: number;
  readonly cancelStep: number;
  readonly pause: number;
}

export interface Life {
  readonly setup: Setup;
  /** Each decides one event; then the world is left to come to its end. */
  readonly chances: readonly number[];
}

const usual: Weights = {
  ...{ pass: 25, lose: 3, crash: 3, fence: 1, retire: 1, outage: 2, rival: 1 },
  ...{ cancel: 1, cancelStep: 1, pause: 1 },
};

/** What a property is about: the rest of a life is as usual. */
export interface Tilt {
  readonly models?: boolean;
  readonly money?: 'plenty' | 'scarce';
  readonly weights?: Partial<Weights>;
  readonly writes?: boolean;
  readonly fails?: boolean;
}

export function weightsOf({ weights }: Tilt): Weights {
  return { ...usual, ...weights };
}

const evening = Date.UTC(2026, 5, 30, 20);
const midnight = Date.UTC(2026, 6, 1);

/** Random worlds of one tilt. */
export function aLifeOf(tilt: Tilt = {}): fc.Arbitrary<Life> {
  return fc.record({
    setup: aSetup(tilt),
    chances: fc.array(fc.nat(2 ** 31 - 1), { minLength: 20, maxLength: 140, size: 'max' }),
  });
}

function aSetup({ models, money, writes, fails }: Tilt): fc.Arbitrary<Setup> {
  const isScarce = money ? fc.constant(money === 'scarce') : fc.boolean();
  const hasModels = models === undefined ? fc.boolean() : fc.constant(models);
  return fc
    .record({
      isScarce,
      hasModels,
      runs: fc.array(aRun, { minLength: 1, maxLength: 3 }),
      limits: fc.record({
        running: fc.integer({ min: 1, max: 6 }),
        perRun: fc.integer({ min: 1, max: 4 }),
        perModule: fc.integer({ min: 1, max: 4 }),
      }),
      modelLimits: aModelLimits,
      dailyBudgetMicroUsd: fc.constantFrom(3_000, 8_000, 25_000),
      startsAt: fc.constantFrom(evening, midnight - 20_000),
      habits: fc.record({
        write: fc.constant(writes ? 2 : 5),
        fail: fc.constantFrom(fails ? 3 : 6),
        stuck: fc.constantFrom(15, 60),
      }),
    })
    .map(({ isScarce: scarce, hasModels: on, runs, ...setup }) => ({
      ...setup,
      modelLimits: on ? setup.modelLimits : null,
      dailyBudgetMicroUsd: scarce ? setup.dailyBudgetMicroUsd : undefined,
      runs: runs.map((run, index) => named(run, { index, isScarce: scarce })),
    }));
}

const aModelLimits = fc.record({ 'sim-fast': aLimit(), 'sim-standard': aLimit() });

function aLimit(): fc.Arbitrary<ModelLimit> {
  return fc
    .record({
      requestsPerMinute: fc.constantFrom(null, 1, 3, 8),
      tokensPerMinute: fc.constantFrom(null, 3_000, 9_000, 30_000),
      concurrency: fc.constantFrom(null, 1, 2),
    })
    .map((limit) =>
      Object.fromEntries(Object.entries(limit).filter(([, value]) => value !== null)),
    );
}

const aRun = fc.record({
  nodes: fc
    .array(
      fc.record({ shape: nodeShape, agent: fc.nat(99), priority: fc.integer({ min: 0, max: 10 }) }),
      {
        minLength: 1,
        maxLength: 6,
      },
    )
    .map((all) =>
      all.map(({ shape, ...choice }, index) => withAgent(nodeOf(shape, index), choice)),
    ),
  partial: fc.boolean(),
  concurrency: fc.constantFrom(null, null, 1, 2),
  deadline: fc.constantFrom(null, null, null, 'PT5S', 'PT2M'),
  budgetMicroUsd: fc.constantFrom(null, 4_000, 12_000),
  attended: fc.boolean(),
});

function named(
  {
    attended,
    nodes,
    budgetMicroUsd,
    ...rest
  }: typeof aRun extends fc.Arbitrary<infer R> ? R : never,
  { index, isScarce }: { readonly index: number; readonly isScarce: boolean },
): RunSetup {
  const limits = { ...rest, budgetMicroUsd: isScarce ? budgetMicroUsd : null };
  return { attended, data: workflow(nodes, { name: `run${index}`, ...limits }) };
}

/** Gives every agent of a node one of the world's agents, 0 the agent's own priority. */
function withAgent(
  node: Node,
  choice: { readonly agent: number; readonly priority: number },
): Node {
  const priority = choice.priority === 0 ? null : choice.priority;
  const agent = (offset: number) =>
    agentNames[(choice.agent + offset) % agentNames.length] as string;
  switch (node.kind) {
    case 'gate':
      return node;
    case 'foreach':
      return {
        ...node,
        body: node.body.map((task, at) => ({ ...task, agent: agent(at), priority })),
      };
    default:
      return { ...node, agent: agent(0), priority };
  }
}
