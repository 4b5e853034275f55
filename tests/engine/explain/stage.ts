import { z } from 'zod';
import type { ErrorData } from '../../../core/base/errors.ts';
import type { Explainer } from '../../../core/engine/explain/explainer.ts';
import { compile } from '../../../core/engine/graph/compile.ts';
import { Journal } from '../../../core/engine/journal/journal.ts';
import { Breakers } from '../../../core/engine/limits/breaker.ts';
import { Broker } from '../../../core/engine/limits/broker.ts';
import { BudgetWatch } from '../../../core/engine/limits/budget-watch.ts';
import { Quotas } from '../../../core/engine/limits/quotas.ts';
import { RunLoop } from '../../../core/engine/loop/loop.ts';
import type { LoopParts } from '../../../core/engine/loop/loop-parts.ts';
import type { Waiting } from '../../../core/engine/loop/waiting.ts';
import { Run } from '../../../core/engine/run/run.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import { type RunningLimits, Scheduler } from '../../../core/engine/schedule/scheduler.ts';
import type { RateLimit } from '../../../core/ports/config.ts';
import type { Answer, Dispatcher, Job } from '../../../core/ports/dispatcher.ts';
import { defineAgent } from '../../../core/sdk/agent.ts';
import type { Node, WorkflowData } from '../../../core/sdk/node.ts';
import type { RegisteredAgent, Registry } from '../../../core/sdk/registry.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { facts, workflow } from '../../support/fixtures/graphs.ts';
import { SimConnection } from '../world/connection.ts';
import { SimDatabase } from '../world/database.ts';
import { rowOf } from '../world/stored-runs.ts';

/** How a step's attempt goes: its model calls, each with the time of the tools after it, milliseconds. */
export interface Script {
  readonly turns: readonly {
    readonly ms: number;
    readonly thenMs: number;
    readonly tokens: number;
    /** Its provider cannot be reached at first. @default false */
    readonly fails?: boolean;
  }[];
  /** The size of its requests. */
  readonly bytes: number;
}

/** What a stage is set up with. */
export interface StageSetup {
  readonly nodes: readonly Node[];
  readonly workflow?: Partial<WorkflowData>;
  /** Modules, with one agent each: `m0.work`. */
  readonly modules: readonly string[];
  readonly limits: RunningLimits;
  readonly modelLimit: RateLimit;
  readonly scriptOf: (job: Job) => Script;
  /** Limits of the run's tenant and of each of the modules. @default none */
  readonly tenantLimit?: RateLimit;
  readonly moduleLimit?: RateLimit;
  /** Turns that another engine has recorded of a step. @default none */
  readonly recordedOf?: (path: string) => number;
  /** @default one that stands still until all has happened */
  readonly clock?: FakeClock;
  /** What steps ask outside of their run; `durable`: the kinds of entries that are, at this moment. @default no step asks anything */
  readonly outsideOf?: (durable: () => readonly string[]) => LoopParts['outside'];
}

const away: ErrorData = { code: 'MODEL_UNAVAILABLE', message: 'The provider is away.' };

const model = 'stage-1';
const free = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 };

/**
 * The engine's loop, scheduler, broker and journal on a clock that stands still until everything else has happened: one run, whose
 * threads follow a script. What waits for the wall clock elsewhere takes no time here, so figures are the same on every machine.
 */
export class Stage implements Dispatcher {
  readonly clock: FakeClock;
  /** The one run. */
  readonly subject: Run;
  readonly loop: RunLoop;
  readonly broker: Broker;
  /** When each step began or went on with its next call, in order, by path. */
  readonly starts = new Map<string, number[]>();
  readonly health = { lanes: 1, ready: 1, zombies: 0 };
  readonly #setup: StageSetup;
  readonly #connection: SimConnection;
  readonly #jobs = new Map<number, Going>();
  #hasEnded = false;

  constructor(setup: StageSetup) {
    this.#setup = setup;
    const { clock = new FakeClock() } = setup;
    this.clock = clock;
    const database = new SimDatabase(() => clock.now());
    this.#connection = new SimConnection(database);
    const breakers = new Breakers({ clock, limits: () => ({}) });
    const target = { provider: 'sim', model, maxOutputTokens: 300 };
    const chain = { targets: [target], choose: 'order' } as const;
    this.broker = new Broker({
      breakers,
      profiles: { fast: chain, standard: chain, deep: chain },
      limits: limitsOf(setup),
      prices: { [model]: free },
      clock,
    });
    const agents = agentsOf(setup.modules);
    const { broker } = this;
    this.loop = new RunLoop({
      journal: new Journal(
        async () => this.#connection.client,
        { boot: '00000000-0000-7000-8000-000000000001', clock },
        { failed: (error) => Promise.reject(error), rejected: (_, error) => Promise.reject(error) },
      ),
      store: { effect: async () => null, conversation: async () => [] },
      scheduler: new Scheduler<Waiting>(setup.limits),
      limits: {
        broker,
        breakers,
        watch: new BudgetWatch<Run>({
          database: { kysely: () => ({}) as never },
          warnAt: undefined,
          stateOf: (name) => broker.budget.stateOf(name),
          tell: () => {},
        }),
        quotas: new Quotas(broker.permits, clock),
      },
      dispatcher: this,
      registry: { agents } as unknown as Registry,
      clock,
      rulesOf: () => [],
      itemsOf: async () => [],
      outside: setup.outsideOf?.(() =>
        database.run(this.subject.facts.id).entries.map(({ kind }) => kind),
      ),
      onEnd: () => {
        this.#hasEnded = true;
      },
    } as unknown as ConstructorParameters<typeof RunLoop>[0]);
    this.subject = new Run(
      { ...facts, createdAt: clock.now() },
      compile(workflow(setup.nodes, setup.workflow), agents),
    );
    for (const step of this.subject.steps) step.recorded = setup.recordedOf?.(pathOf(step)) ?? 0;
    const row = rowOf({ attended: false, data: workflow(setup.nodes) }, 0, clock.now());
    database.addRun({ row: { ...row, id: this.subject.facts.id } });
    this.subject.seq = 1;
  }

  get explainer(): Explainer {
    return this.loop.explainer;
  }

  /** Plays the run to its end; `look` is called every `everyMs`, when all that can happen has happened. */
  async play(everyMs: number, look: () => Promise<void>): Promise<void> {
    const { clock, subject: run } = this;
    this.loop.adopt(run, {
      next: run.start(clock.now()),
      changes: [],
      spentMicroUsd: 0,
      batched: { calls: [], batches: [] },
    });
    let lookAt = clock.now() + everyMs;
    while (!this.#hasEnded) {
      await settle();
      if (this.#connection.isAsked) this.#connection.answer();
      else if (clock.now() >= lookAt) {
        await look();
        lookAt += everyMs;
      } else clock.pass(Math.max(1, Math.min(lookAt, clock.nextAt ?? lookAt) - clock.now()));
    }
  }

  // ── threads ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  run(job: Job): string {
    const turn = this.#setup.recordedOf?.(job.stepPath) ?? 0;
    const going = { job, turn, tries: 0 };
    this.#jobs.set(job.ref, going);
    this.#note(job);
    if (job.permitted) this.#call(going);
    else this.clock.after(10, () => this.#goOn(going));
    return 'sim';
  }

  tell(answer: Answer): void {
    const going = this.#jobs.get(answer.ref);
    if (!going) return;
    if (answer.kind === 'denied') return this.#end(going, { kind: 'failed', error: answer.error });
    if (answer.kind !== 'granted') return;
    this.#note(going.job);
    this.#call(going);
  }

  cancel(): void {}

  #note({ stepPath }: Job): void {
    const known = this.starts.get(stepPath);
    if (known) known.push(this.clock.now());
    else this.starts.set(stepPath, [this.clock.now()]);
  }

  #call(going: Going): void {
    const { job, turn, tries } = going;
    const { ref } = job;
    const { ms, thenMs, tokens, fails = false } = this.#scriptOf(job).turns[turn] as Turn;
    const { dispatchEvents: events } = this.loop;
    events.messages([{ kind: 'sent', ref }]);
    this.clock.after(ms, () => {
      const isAway = fails && tries === 0;
      const used = { input: tokens, cachedInput: 0, cacheWrite: 0, output: 100, reasoning: 0 };
      const usage = isAway ? null : used;
      const end = { model, usage, sent: true, durationMs: ms };
      const how = isAway ? { stop: 'error', error: away } : { stop: 'tools', body: '[]' };
      events.messages([{ kind: 'turn', ref, done: { turn: turn + 1, ...end, ...how } }]);
      going.turn += isAway ? 0 : 1;
      going.tries = isAway ? 1 : 0;
      this.clock.after(isAway ? 0 : thenMs, () => this.#goOn(going));
    });
  }

  /** Asks for the next call, or ends. */
  #goOn(going: Going): void {
    const { job, turn, tries } = going;
    const { turns, bytes } = this.#scriptOf(job);
    if (turn >= turns.length) return this.#end(going, { kind: 'succeeded', output: '{}' });
    const ask = tries > 0 ? { bytes, failed: { error: away, tries } } : { bytes };
    this.loop.dispatchEvents.messages([{ kind: 'permit', ref: job.ref, ...ask }]);
  }

  #end({ job: { ref } }: Going, end: End): void {
    const done = { ...end, degraded: false, trust: 'system' } as const;
    this.clock.after(0, () => this.loop.dispatchEvents.messages([{ kind: 'done', ref, done }]));
  }

  #scriptOf(job: Job): Script {
    return this.#setup.scriptOf(job);
  }
}

type Turn = Script['turns'][number];
type End =
  | { readonly kind: 'succeeded'; readonly output: string }
  | { readonly kind: 'failed'; readonly error: ErrorData };

/** A job on its thread. */
interface Going {
  readonly job: Job;
  turn: number;
  /** Calls of this turn that have failed. */
  tries: number;
}

function limitsOf({ modules, modelLimit, moduleLimit = {}, tenantLimit = {} }: StageSetup) {
  const moduleLimits = Object.fromEntries(modules.map((module) => [module, moduleLimit]));
  return { modelLimits: { [model]: modelLimit }, moduleLimits, tenantLimit };
}

function agentsOf(modules: readonly string[]): ReadonlyMap<string, RegisteredAgent> {
  return new Map(
    modules.map((module) => {
      const agent = defineAgent({
        name: 'work',
        purpose: 'Works.',
        instructions: 'Work.',
        input: z.unknown(),
        output: z.unknown(),
        tools: {},
        limits: { timeoutMs: 3_600_000 },
      });
      const name = `${module}.work`;
      return [name, { name, module, agent }];
    }),
  );
}

/** Lets everything happen that happens by itself: a journal begins its flush one turn of the event loop later. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
}
