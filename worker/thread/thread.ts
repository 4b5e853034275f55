import { AsyncLocalStorage } from 'node:async_hooks';
import { getHeapStatistics } from 'node:v8';
import { systemClock } from '../../core/base/clock.ts';
import { EngineError, fromErrorData, toErrorData } from '../../core/base/errors.ts';
import { LeaseClock } from '../../core/base/lease-clock.ts';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import { Prompt } from '../../core/guard/prompt.ts';
import type { LimitedSide } from '../../core/guard/scope.ts';
import type { Config } from '../../core/ports/config.ts';
import { translateDbError } from '../../core/ports/db/db-error.ts';
import type { LineageQuestion } from '../../core/ports/db/lineage.ts';
import type {
  Answer,
  Applies,
  DeclaredModules,
  FromThread,
  Job,
  JobDone,
  ToThread,
} from '../../core/ports/dispatcher.ts';
import { Freshness } from '../../core/ports/erp/freshness.ts';
import type { Model, ModelTarget } from '../../core/ports/models/model.ts';
import { openModel } from '../../core/ports/models/open.ts';
import type { Profiles } from '../../core/ports/models/profiles.ts';
import { tellSecrets } from '../../core/ports/secret.ts';
import type { AnyAgent } from '../../core/sdk/agent.ts';
import type { RegisteredAgent } from '../../core/sdk/registry.ts';
import { notSent, refusal } from '../pool/delivery.ts';
import { Hearing } from '../pool/hearing.ts';
import { type Hello, type LaneTask, slots } from '../pool/lane.ts';
import { runAgent } from './agent.ts';
import { type Granted, grantedBy } from './applied.ts';
import { Conversation } from './conversation.ts';
import type { HandingOn } from './delegation.ts';
import { keyedAgent } from './keyed.ts';
import { type Loaded, load, targetsOf } from './loaded.ts';
import { MadeAgents } from './made-agents.ts';
import { marked, marking, markingEach } from './marking.ts';
import { mcpOf } from './mcp.ts';
import { Outgoing } from './outgoing.ts';
import { paceOf } from './pace.ts';
import { goBehind } from './priority.ts';
import { scrubbedModel } from './scrubbed.ts';

const beatEveryMs = 100;
const pace = paceOf(systemClock);
/** How long a cancelled agent has to end by itself, so that what it was doing is recorded. */
const graceMs = 250;

/**
 * The thread's side of a lane: takes jobs from its port and runs many of them at once, until it is aborted. Nothing is loaded or
 * connected at import time. A fault in one agent (a rejection nobody handles, a throw in a timer, `process.exit`) fails that
 * agent's job alone.
 */
export async function lane(task: LaneTask): Promise<void> {
  const { port, shared, lease, freshness, setup } = task;
  const memory = new Int32Array(shared);
  goBehind(Atomics.load(memory, slots.thread));
  let loaded: Loaded | null = null;
  const beat = setInterval(() => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    Atomics.store(memory, slots.heapMb, heap >> 20);
    Atomics.store(memory, slots.externalMb, external >> 20);
    const { user, system } = process.threadCpuUsage();
    Atomics.store(memory, slots.cpuMs, (user + system) / 1_000);
    Atomics.add(memory, slots.beat, 1);
  }, beatEveryMs);
  try {
    const clock = new LeaseClock(lease);
    loaded = await load(setup, freshness ? new Freshness(freshness) : null);
    const send = (batch: readonly (FromThread | Hello)[]): void => port.postMessage(batch);
    const runner = new Runner({ loaded, send, memory, lease: clock });
    port.on('message', (batch: readonly ToThread[]) => runner.hear(batch));
    send([{ kind: 'hello' }]);
    await new Promise((resolve) => port.once('close', resolve));
  } catch (error) {
    const { code, message } = toErrorData(error, 'MODULE_INVALID');
    port.postMessage([{ kind: 'unfit', code, message } satisfies Hello]);
    await new Promise((resolve) => port.once('close', resolve));
  } finally {
    clearInterval(beat);
    await loaded?.outside.close();
  }
}

class Runner {
  readonly #loaded: Loaded;
  readonly #outgoing: Outgoing;
  readonly #memory: Int32Array;
  readonly #lease: LeaseClock;
  readonly #talks = new Map<number, Conversation>();
  readonly #prompts = new WeakMap<AnyAgent, Prompt>();
  #made: MadeAgents;
  readonly #send: (batch: readonly (FromThread | Hello)[]) => void;
  /** Settles when what was declared last is loaded, or could not be. */
  #declaring: Promise<void> | null = null;
  readonly #models = new Map<string, Model>();
  /** The same by the target itself. */
  readonly #modelsOf = new WeakMap<ModelTarget, Model>();
  readonly #current = new AsyncLocalStorage<Conversation>();
  readonly #scrubber = new Scrubber(process.env);
  #isWatched = false;
  readonly #hearing = new Hearing<ToThread>((batch) => this.#listen(batch));

  constructor(parts: {
    readonly loaded: Loaded;
    readonly send: (batch: readonly (FromThread | Hello)[]) => void;
    readonly memory: Int32Array;
    readonly lease: LeaseClock;
  }) {
    this.#loaded = parts.loaded;
    this.#made = new MadeAgents(parts.loaded.registry);
    this.#send = parts.send;
    this.#outgoing = new Outgoing({
      clock: systemClock,
      send: parts.send,
      unsent: ({ ref }, thrown) => this.#unsent(ref, thrown),
    });
    tellSecrets(process.env, this.#scrubber);
    this.#memory = parts.memory;
    this.#lease = parts.lease;
    const blame = (error: unknown): void => this.#blame(error);
    process.on('unhandledRejection', blame);
    process.on('uncaughtException', blame);
    process.exit = ((code?: number) => {
      throw new EngineError(
        'AGENT_FAILED',
        `An agent called process.exit(${code ?? ''}); end with an error instead.`,
      );
    }) as typeof process.exit;
  }

  hear(batch: readonly ToThread[]): void {
    this.#hearing.add(batch);
  }

  /** What follows from each runs at once. */
  #listen(batch: readonly ToThread[]): void {
    for (const message of batch) {
      if (message.kind === 'go') this.#go(message.job);
      else if (message.kind === 'watch') this.#isWatched = message.isOn;
      else if (message.kind === 'declare') this.#declare(message);
      else this.#answer(message);
    }
  }

  #declare(declared: DeclaredModules): void {
    const before = this.#declaring;
    const declaring = (async () => {
      await before;
      try {
        await this.#loaded.declare(declared);
        this.#made = new MadeAgents(this.#loaded.registry);
        this.#send([{ kind: 'declared' }]);
      } catch (error) {
        const { message } = toErrorData(error, 'MODULE_INVALID');
        this.#send([{ kind: 'declared', message }]);
      }
    })();
    this.#declaring = declaring;
    void declaring.then(() => {
      if (this.#declaring === declaring) this.#declaring = null;
    });
  }

  #answer(answer: Answer): void {
    const talk = this.#talks.get(answer.ref);
    talk?.hear(answer);
    if (talk && answer.kind === 'cancel') setTimeout(() => this.#giveUp(talk), graceMs);
  }

  #go(job: Job): void {
    const mark = (): void => {
      Atomics.store(this.#memory, slots.current, job.ref);
    };
    const scrubber = this.#scrubber;
    const talk = new Conversation(job, this.#outgoing.post, { scrubber, mark });
    this.#talks.set(job.ref, talk);
    this.#current.run(talk, () => {
      mark();
      void this.#run(job, talk)
        .catch(failedBy)
        .then((done) => this.#end(talk, done));
    });
  }

  #end(talk: Conversation, done: JobDone): void {
    talk.done(done);
    this.#talks.delete(talk.job.ref);
  }

  /** Ends a job that was cancelled and waits for something that never comes; what it still says is not heard. */
  #giveUp(talk: Conversation): void {
    const error = toErrorData(talk.signal.reason, 'CANCELLED');
    this.#end(talk, { kind: 'failed', error, degraded: false, trust: 'system' });
  }

  async #run(job: Job, talk: Conversation): ReturnType<typeof runAgent> {
    // It may be a job of what is just being loaded.
    if (this.#declaring !== null) await this.#declaring;
    const { registry, config, profiles, connector, known, outside, doings, authority } =
      this.#loaded;
    const registered = this.#made.find(job.agent, job.made) as RegisteredAgent;
    const { module, delegates } = registered;
    const { delegated } = job;
    const agent = job.batch ? keyedAgent(registered.agent, job.batch) : registered.agent;
    const chain = profiles?.[(agent.model ?? 'standard') as keyof Profiles];
    const targets = chain ? targetsOf(chain) : [{ provider: 'scripted', model: 'none' }];
    // After each await of ours the job whose code goes on is noted.
    const { mark } = talk;
    const ways = outside.of(job.tenantId, mcpOf(talk, config.mcp), job.traceparent);
    const granted = job.applies ? await this.#granted(job, job.applies) : null;
    const scope = {
      tenantId: job.tenantId,
      runId: job.runId,
      ...(job.effectsOf !== undefined && { effectsOf: job.effectsOf }),
      ...(delegated && {
        delegators: delegated.agents,
        effectsOf: delegated.effects.run,
        effectsAt: delegated.effects.path,
      }),
      stepPath: job.stepPath,
      businessDate: job.businessDate,
      ...(job.goal !== undefined && { goal: job.goal }),
      agent,
      agentName: job.agent,
      module,
      company: job.company,
      journal: job.journal,
      attended: job.attended,
      rehearsal: job.mode === 'rehearsal' || job.simulate !== undefined,
      policies: registry.policies,
      roles: config.roles ?? {},
      entities: registry.entities,
      connector: marking(connector(job.tenantId), mark),
      known: known ? marking(known.of(job), mark) : undefined,
      outside: (signal: AbortSignal) => markingEach(ways(signal), mark),
      ...(job.server !== undefined && { server: job.server }),
      recorder: talk,
      label: { trust: job.trust ?? 'operator' },
      enter: (side: LimitedSide) => (isLimited(side, config) ? talk.enter(side) : null),
      doneTo: (question: LineageQuestion) => marked(doings(granted?.asking ?? job, question), mark),
      applies: granted?.applies ?? null,
      authority: () => marked(authority(job.tenantId), mark),
      isOwned: () => this.#lease.isHeld,
      signal: talk.signal,
    };
    return runAgent({
      scope,
      talk,
      prompt: this.#prompt(registered),
      handsOn: delegates ? { delegates, ...delegationCaps(config) } : null,
      targets,
      isWatched: () => this.#isWatched,
      model: (target) => this.#model(target, config),
      pace: marking(pace, mark),
    });
  }

  async #granted(job: Job, applies: Applies): Promise<Granted> {
    const proposal = await this.#loaded.proposal(job.tenantId, applies.key);
    const registered = this.#made.find(proposal.agent, proposal.made ?? undefined);
    return grantedBy(job, applies, { proposal, registered });
  }

  #prompt({ agent, delegates }: RegisteredAgent): Prompt {
    const known = this.#prompts.get(agent);
    if (known) return known;
    const prompt = new Prompt(agent, delegates);
    this.#prompts.set(agent, prompt);
    return prompt;
  }

  #model(target: ModelTarget, config: Config): Model {
    const known = this.#modelsOf.get(target);
    if (known) return known;
    const name = JSON.stringify(target);
    const model = this.#models.get(name) ?? this.#opened(target, config);
    this.#models.set(name, model);
    this.#modelsOf.set(target, model);
    return model;
  }

  #opened(target: ModelTarget, config: Config): Model {
    const opened = config.providers?.[target.provider]?.(target) ?? openModel(target, process.env);
    return scrubbedModel(opened, this.#scrubber);
  }

  /** Something that a job says cannot be sent: that ends it. */
  #unsent(ref: number, thrown: unknown): void {
    const error = notSent(thrown, 'RESULT_UNCLONABLE', 'What the job says');
    this.#send([refusal(ref, error)]);
    this.#talks.get(ref)?.cancel(fromErrorData(error));
    this.#talks.delete(ref);
  }

  #blame(error: unknown): void {
    const talk = this.#current.getStore();
    const data = toErrorData(error, 'AGENT_FAILED');
    if (!talk) return;
    talk.done({ kind: 'failed', error: data, degraded: false, trust: 'system' });
    talk.cancel(new EngineError('AGENT_FAILED', data.message));
    this.#talks.delete(talk.job.ref);
  }
}

/** How far and how often work is handed on. */
function delegationCaps({ delegation = {} }: Config): Pick<HandingOn, 'depth' | 'calls'> {
  const { depth = 3, calls = 16 } = delegation;
  return { depth, calls };
}

/** Whether the configuration says how often a side may be called. */
function isLimited(side: LimitedSide, { erpLimit, toolLimits }: Config): boolean {
  return side === 'erp' ? erpLimit !== undefined : toolLimits?.[side.slice(5)] !== undefined;
}

/** The end of a job that could not begin. */
function failedBy(error: unknown): JobDone {
  const data = toErrorData(translateDbError(error), 'AGENT_FAILED');
  return { kind: 'failed', error: data, degraded: false, trust: 'system' };
}
