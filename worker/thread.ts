import { AsyncLocalStorage } from 'node:async_hooks';
import { EngineError, toErrorData } from '../core/base/errors.ts';
import { Prompt } from '../core/guard/prompt.ts';
import type { Config } from '../core/ports/config.ts';
import { openPool } from '../core/ports/db/connection.ts';
import type { FromThread, Job, JobDone, ToThread } from '../core/ports/dispatcher.ts';
import type { Connector } from '../core/ports/erp/connector.ts';
import { embeddedConnector } from '../core/ports/erp/embedded.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import type { Model, ModelTarget } from '../core/ports/models/model.ts';
import { openModel } from '../core/ports/models/open.ts';
import type { Profiles } from '../core/ports/models/profiles.ts';
import { loadRegistry, type RegisteredAgent, type Registry } from '../core/sdk/registry.ts';
import { runAgent } from './agent.ts';
import { Conversation } from './conversation.ts';
import { type Hello, type LaneTask, slots, type ThreadSetup } from './lane.ts';

const beatEveryMs = 100;
/** How long a cancelled agent has to end by itself, so that what it was doing is recorded. */
const graceMs = 250;

/**
 * The thread's side of a lane: takes jobs from its port and runs many of them at once, until it is aborted. Nothing is loaded or
 * connected at import time. A fault in one agent (a rejection nobody handles, a throw in a timer, `process.exit`) fails that
 * agent's job alone.
 */
export default async function lane({ port, shared, setup }: LaneTask): Promise<void> {
  const memory = new Int32Array(shared);
  const outgoing = new Outgoing((batch) => port.postMessage(batch));
  const beat = setInterval(() => {
    Atomics.add(memory, slots.beat, 1);
    Atomics.store(memory, slots.externalMb, process.memoryUsage().external >> 20);
  }, beatEveryMs);
  try {
    const runner = new Runner(await load(setup), outgoing, memory);
    port.on('message', (batch: readonly ToThread[]) => runner.hear(batch));
    port.postMessage([{ kind: 'hello' } satisfies Hello]);
    await new Promise((resolve) => port.once('close', resolve));
  } catch (error) {
    const { code, message } = toErrorData(error, 'MODULE_INVALID');
    port.postMessage([{ kind: 'unfit', code, message } satisfies Hello]);
    await new Promise((resolve) => port.once('close', resolve));
  } finally {
    clearInterval(beat);
  }
}

interface Loaded {
  readonly registry: Registry;
  readonly config: Config;
  readonly profiles: Profiles | null;
  readonly connector: (tenantId: number) => Connector;
}

async function load(setup: ThreadSetup): Promise<Loaded> {
  const { default: config } = (await import(setup.configUrl)) as { readonly default: Config };
  const registry = loadRegistry(config, sharedEntities);
  if (registry.digest !== setup.digest) {
    throw new EngineError(
      'MODULE_INVALID',
      'A worker thread loaded other declarations than the engine; restart after the files have settled.',
    );
  }
  const pool = openPool(setup.connection as Parameters<typeof openPool>[0], 'tutti_tenant', 2);
  const connectors = new Map<number, Connector>();
  const connector = (tenantId: number): Connector => {
    const known = connectors.get(tenantId);
    if (known) return known;
    const made = embeddedConnector({ pool, tenantId, entities: [...registry.entities.values()] });
    connectors.set(tenantId, made);
    return made;
  };
  return { registry, config, profiles: setup.profiles as Profiles | null, connector };
}

/** Sends what a tick has gathered as one message. */
class Outgoing {
  readonly #send: (batch: readonly FromThread[]) => void;
  #batch: FromThread[] = [];

  constructor(send: (batch: readonly FromThread[]) => void) {
    this.#send = send;
  }

  post = (message: FromThread): void => {
    if (this.#batch.push(message) > 1) return;
    setImmediate(() => {
      const batch = this.#batch;
      this.#batch = [];
      this.#send(batch);
    });
  };
}

class Runner {
  readonly #loaded: Loaded;
  readonly #outgoing: Outgoing;
  readonly #memory: Int32Array;
  readonly #talks = new Map<number, Conversation>();
  readonly #prompts = new Map<string, Prompt>();
  readonly #models = new Map<string, Model>();
  readonly #current = new AsyncLocalStorage<Conversation>();

  constructor(loaded: Loaded, outgoing: Outgoing, memory: Int32Array) {
    this.#loaded = loaded;
    this.#outgoing = outgoing;
    this.#memory = memory;
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
    for (const message of batch) {
      if (message.kind === 'go') this.#go(message.job);
      else this.#talks.get(message.ref)?.hear(message);
    }
  }

  #go(job: Job): void {
    const talk = new Conversation(job, this.#outgoing.post);
    this.#talks.set(job.ref, talk);
    this.#current.run(talk, () => {
      Atomics.store(this.#memory, slots.current, job.ref);
      void Promise.race([this.#run(job, talk), givenUp(talk.signal)]).then((done) => {
        talk.done(done);
        this.#talks.delete(job.ref);
      });
    });
  }

  async #run(job: Job, talk: Conversation): ReturnType<typeof runAgent> {
    const { registry, config, profiles, connector } = this.#loaded;
    const registered = registry.agents.get(job.agent) as RegisteredAgent;
    const { agent, module } = registered;
    const target = profiles?.[(agent.model ?? 'standard') as keyof Profiles] ?? {
      provider: 'scripted',
      model: 'none',
    };
    const marked = new Proxy(connector(job.tenantId), {
      get: (connected, name: keyof Connector) =>
        this.#marking(job.ref, connected[name].bind(connected)),
    });
    const scope = {
      tenantId: job.tenantId,
      runId: job.runId,
      stepPath: job.stepPath,
      businessDate: job.businessDate,
      agent,
      agentName: job.agent,
      module,
      company: job.company,
      attended: job.attended,
      policies: registry.policies,
      entities: registry.entities,
      connector: marked,
      recorder: talk,
      isOwned: () => true,
      signal: talk.signal,
    };
    return runAgent({
      scope,
      talk,
      prompt: this.#prompt(registered),
      target,
      model: () => this.#model(target, config),
    });
  }

  /** After each of our own awaits the job whose code goes on is noted, so that a thread that hangs can tell who hung it. */
  #marking(
    ref: number,
    method: (...args: never[]) => Promise<unknown>,
  ): (...args: never[]) => Promise<unknown> {
    return async (...args) => {
      try {
        return await method(...args);
      } finally {
        Atomics.store(this.#memory, slots.current, ref);
      }
    };
  }

  #prompt({ name, agent }: RegisteredAgent): Prompt {
    const known = this.#prompts.get(name);
    if (known) return known;
    const prompt = new Prompt(agent);
    this.#prompts.set(name, prompt);
    return prompt;
  }

  #model(target: ModelTarget, config: Config): Model {
    const name = JSON.stringify(target);
    const known = this.#models.get(name);
    if (known) return known;
    const model = config.providers?.[target.provider]?.(target) ?? openModel(target, process.env);
    this.#models.set(name, model);
    return model;
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

/** The end of a job that was cancelled and waits for something that never comes; what it still says is not heard. */
function givenUp(signal: AbortSignal): Promise<JobDone> {
  return new Promise((resolve) => {
    const end = (): void =>
      resolve({
        kind: 'failed',
        error: toErrorData(signal.reason, 'CANCELLED'),
        degraded: false,
        trust: 'system',
      });
    signal.addEventListener('abort', () => setTimeout(end, graceMs), { once: true });
  });
}
