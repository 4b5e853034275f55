import fc from 'fast-check';
import type { RunningLimits } from '../../../core/engine/schedule/scheduler.ts';
import type { BreakerLimits, RateLimit } from '../../../core/ports/config.ts';
import type { ItemNode, Node, WorkflowData } from '../../../core/sdk/node.ts';
import { workflow } from '../../support/fixtures/graphs.ts';
import { nodeOf, nodeShape } from '../../support/fixtures/simulation.ts';
import { agentNames, type Choose } from './agents.ts';
import { seenOf, withData } from './data.ts';
import { Dice } from './dice.ts';
import { type RuleSetting, someRules } from './rules.ts';
import { smallWorkflow, waitingOr } from './waiting-nodes.ts';

/** A run of the world: its graph, and what it says about itself. */
export interface RunSetup {
  readonly data: WorkflowData;
  readonly attended: boolean;
}

/** Once in so many things that a thread does it writes, fails, or is never heard of again; once in so many calls a provider is busy, or away. */
export interface Habits {
  readonly write: number;
  readonly fail: number;
  readonly stuck: number;
  readonly refuse: number;
  readonly ill: number;
}

/** What does not change while a world lives. */
export interface Setup {
  readonly runs: readonly RunSetup[];
  readonly limits: RunningLimits;
  /** Null: agents run their playbooks. */
  readonly modelLimits: Readonly<Record<string, RateLimit>> | null;
  /** How calls are sent to one of two models. */
  readonly choose: Choose;
  /** Null: no model is ever left alone. */
  readonly breaker: BreakerLimits | null;
  readonly dailyBudgetMicroUsd: number | undefined;
  readonly startsAt: number;
  readonly habits: Habits;
  /** What follows the failures of agents, until somebody says otherwise. @default what they declare */
  readonly rules?: readonly RuleSetting[];
  /** From how many changes on a flush ends where it can. @default as many as a journal takes by itself, which no life ever has */
  readonly usualFlush?: number | undefined;
  /** Whether steps wait for something outside of their run. @default none does */
  readonly waitsOutside?: boolean;
  /** What steps may start. @default nothing */
  readonly children?: readonly WorkflowData[];
}

/** How often something happens, beside what engines and threads do all the time (100). */
export interface Weights {
  readonly pass: number;
  readonly lose: number;
  readonly crash: number;
  readonly fence: number;
  readonly retire: number;
  readonly drain: number;
  readonly outage: number;
  /** Another engine spends from the purses that all share. */
  readonly rival: number;
  /** Somebody raises the budgets of the day. */
  readonly raise: number;
  readonly cancel: number;
  readonly cancelStep: number;
  readonly pause: number;
  /** Somebody gives a run another priority. */
  readonly rank: number;
  /** Somebody sets what follows the failures of an agent. */
  readonly rule: number;
}

export interface Life {
  readonly setup: Setup;
  /** Each decides one event; then the world is left to come to its end. */
  readonly chances: readonly number[];
}

const usual: Weights = {
  ...{ pass: 25, lose: 3, crash: 3, fence: 1, retire: 1, drain: 1, outage: 2, rival: 1, raise: 2 },
  ...{ cancel: 1, cancelStep: 1, pause: 1, rank: 1, rule: 0 },
};

/** What a property is about: the rest of a life is as usual. */
export interface Tilt {
  readonly models?: boolean;
  readonly money?: 'plenty' | 'scarce';
  readonly weights?: Partial<Weights>;
  readonly writes?: boolean;
  readonly fails?: boolean;
  /** Providers that are often busy, or away; `always`: and without limits of their own. */
  readonly refuses?: boolean;
  readonly ill?: 'often' | 'always';
  /** Agents that ask for money. */
  readonly asks?: boolean;
  /** Failures that are followed in every way that there is, as settings say which change meanwhile. */
  readonly ways?: boolean;
  /** Nodes that wait for a moment or for people, and nodes that start runs. */
  readonly waits?: boolean;
  readonly starts?: boolean;
  /** One slot for everybody. */
  readonly narrow?: boolean;
  /** How often runs that have something left to do are retried, and their retries. @default 0 */
  readonly retries?: number;
}

export function weightsOf({ weights }: Tilt): Weights {
  return { ...usual, ...weights };
}

// Every second life has flushes that are cut.
const flushSizes = [undefined, undefined, undefined, 1, 2, 5];
const evening = Date.UTC(2026, 5, 30, 20);
const midnight = Date.UTC(2026, 6, 1);

/** Random worlds of one tilt. */
export function aLifeOf(tilt: Tilt = {}): fc.Arbitrary<Life> {
  return fc.record({
    setup: aSetup(tilt),
    chances: fc.array(fc.nat(2 ** 31 - 1), { minLength: 20, maxLength: 140, size: 'max' }),
  });
}

function aSetup({ models, money, narrow, ...tilt }: Tilt): fc.Arbitrary<Setup> {
  const isScarce = money ? fc.constant(money === 'scarce') : fc.boolean();
  const hasModels = models === undefined ? fc.boolean() : fc.constant(models);
  return fc
    .record({
      isScarce,
      hasModels,
      runs: fc.array(aRunOf(tilt), { minLength: 1, maxLength: tilt.starts ? 2 : 3 }),
      ...(tilt.starts && { children: someChildren(tilt) }),
      waitsOutside: fc.constant(tilt.waits === true || tilt.starts === true),
      limits: fc.record({
        running: fc.integer({ min: 1, max: narrow ? 1 : 6 }),
        perRun: fc.integer({ min: 1, max: 4 }),
        perModule: fc.integer({ min: 1, max: 4 }),
      }),
      modelLimits: tilt.ill === 'always' ? fc.constant({}) : aModelLimits,
      choose: fc.constantFrom(null, null, 'order' as const, 'cost' as const),
      breaker: fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: aBreaker },
      ),
      dailyBudgetMicroUsd: fc.constantFrom(3_000, 8_000, 25_000),
      startsAt: fc.constantFrom(evening, midnight - 20_000),
      habits: habitsOf(tilt),
      usualFlush: fc.constantFrom(...flushSizes),
      rules: tilt.ways ? fc.array(aRuleSetting, { minLength: 2, maxLength: 6 }) : fc.constant([]),
    })
    .map(({ isScarce: scarce, hasModels: on, runs, ...setup }) => ({
      ...setup,
      modelLimits: on ? setup.modelLimits : null,
      dailyBudgetMicroUsd: scarce ? setup.dailyBudgetMicroUsd : undefined,
      runs: runs.map((run, index) => named(run, { index, isScarce: scarce })),
    }));
}

function habitsOf({ writes, fails, refuses, ill }: Tilt): fc.Arbitrary<Habits> {
  return fc.record({
    write: fc.constant(writes ? 2 : 5),
    fail: fc.constantFrom(fails ? 3 : 6),
    stuck: fc.constantFrom(15, 60),
    refuse: refuses ? fc.constant(3) : fc.constantFrom(5, 1_000),
    ill: ill ? fc.constant(ill === 'always' ? 1 : 2) : fc.constantFrom(4, 20),
  });
}

const aBreaker = fc.record({
  failures: fc.constantFrom(2, 3),
  probeMs: fc.constantFrom(5_000, 30_000),
  successes: fc.constantFrom(1, 2),
});

const aModelLimits = fc.record({ 'sim-fast': aLimit(), 'sim-standard': aLimit() });

function aLimit(): fc.Arbitrary<RateLimit> {
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

const aRuleSetting: fc.Arbitrary<RuleSetting> = fc.record({
  agent: fc.constantFrom(...agentNames),
  rules: fc.nat(2 ** 31 - 1).map((seed) => someRules(new Dice(seed))),
});

const asking: readonly string[] = ['beta.asks', 'beta.asks', 'beta.work'];

/** What steps may start; the second may start the first. */
function someChildren({ waits }: Tilt): fc.Arbitrary<readonly WorkflowData[]> {
  return fc.nat(2 ** 31 - 1).map((seed) => {
    const dice = new Dice(seed);
    const kinds = { waits, agents: agentNames };
    const [first, second] = childNames;
    return [
      smallWorkflow(first, { ...kinds, starts: [] }, dice),
      smallWorkflow(second, { ...kinds, starts: [first] }, dice),
    ];
  });
}

const childNames = ['child0', 'child1'] as const;

function aRunOf({ asks, waits, starts }: Tilt) {
  const names = asks ? asking : agentNames;
  const kinds = { waits, starts: starts ? childNames : [] };
  return fc.record({
    nodes: fc
      .array(
        fc.record({
          shape: nodeShape,
          agent: fc.nat(99),
          priority: fc.integer({ min: 0, max: 10 }),
          waiting: waits || starts ? fc.nat(2 ** 31 - 1) : fc.constant(null),
        }),
        {
          minLength: 1,
          maxLength: 6,
        },
      )
      .map((all) =>
        withData(
          all.map(({ shape, waiting, ...choice }, index) => {
            const node = withAgent(nodeOf(shape, index), choice, names);
            return waiting === null ? node : waitingOr(node, kinds, new Dice(waiting));
          }),
          all.map(({ agent }) => agent),
        ),
      ),
    brings: fc.boolean(),
    partial: fc.boolean(),
    concurrency: fc.constantFrom(null, null, 1, 2),
    deadline: fc.constantFrom(null, null, null, 'PT5S', 'PT2M'),
    budgetMicroUsd: fc.constantFrom(null, 4_000, 12_000),
    attended: fc.boolean(),
  });
}

function named(
  {
    attended,
    nodes,
    brings,
    budgetMicroUsd,
    ...rest
  }: ReturnType<typeof aRunOf> extends fc.Arbitrary<infer R> ? R : never,
  { index, isScarce }: { readonly index: number; readonly isScarce: boolean },
): RunSetup {
  const limits = { ...rest, budgetMicroUsd: isScarce ? budgetMicroUsd : null };
  const output = brings && { output: seenOf(nodes.map(({ id }) => id)) };
  return { attended, data: workflow(nodes, { name: `run${index}`, ...limits, ...output }) };
}

/** Gives every agent of a node one of `names`, and 0 the agent's own priority. */
function withAgent(
  node: Node,
  choice: { readonly agent: number; readonly priority: number },
  names: readonly string[],
): Node {
  const priority = choice.priority === 0 ? null : choice.priority;
  const agent = (offset: number) => names[(choice.agent + offset) % names.length] as string;
  switch (node.kind) {
    case 'gate':
      return node;
    case 'foreach':
      return {
        ...node,
        body: node.body.map((task, at) => ({ ...task, agent: agent(at), priority }) as ItemNode),
      };
    default:
      return { ...node, agent: agent(0), priority } as Node;
  }
}
