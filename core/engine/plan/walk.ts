import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { DispatchEvents, Dispatcher, FromThread, JobDone } from '../../ports/dispatcher.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import type { McpCaller } from '../../ports/mcp/pool.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import type { AgentPlace } from '../graph/compiled.ts';
import { itemsOf } from '../loop/items.ts';
import { batchOf, goalFor, inputOf, serverOf } from '../loop/launcher.ts';
import { type McpCallParts, McpCalls } from '../loop/mcp-calls.ts';
import { stepLimits } from '../loop/step-limits.ts';
import type { Next } from '../run/next.ts';
import type { Run } from '../run/run.ts';
import { type Container, pathOf, type Step } from '../run/step.ts';
import { itemsDigest, stepDigest } from './bound.ts';
import type { Purses } from './purses.ts';
import { Visit } from './visit.ts';

/** What a walk goes with. */
export interface WalkParts {
  readonly run: Run;
  readonly registry: Registry;
  readonly connector: Connector;
  readonly dispatcher: Dispatcher;
  /** Names a job as none before on those threads. */
  readonly newRef: () => number;
  /** The MCP servers: what only reads is read truly. @default none can be reached */
  readonly mcp?: McpCallParts['mcp'];
  readonly purses: Purses;
  readonly clock: Clock;
}

/** What a walk has seen. */
export interface Walked {
  /** Every step that an agent would do, in no order. */
  readonly visits: readonly Visit[];
  /** Digests of the steps that each node came to. */
  readonly nodes: Readonly<Record<string, string>>;
}

/** More at once only wait for each other: without the time of model calls a walk is bound by its threads. */
const atOnce = 64;
/** Threads that may die under a step before it counts as one that cannot be walked. */
const crashesAllowed = 3;

/**
 * Drives a run that is stored nowhere through its graph: agents' playbooks run on real threads behind simulated calls that
 * take no time, over the real records, and nothing is written anywhere. A step that fails is not tried again.
 */
export class Walk implements DispatchEvents {
  readonly #parts: WalkParts;
  readonly #ready: Step[] = [];
  readonly #live = new Map<number, Visit>();
  readonly #deadlines = new Map<number, () => void>();
  readonly #visits: Visit[] = [];
  readonly #nodes: Record<string, string> = {};
  /** Calls that wait for a purse. */
  #waiting: { readonly ref: number; readonly bytes: number }[] = [];
  readonly #mcpCalls: McpCalls;
  readonly #end = Promise.withResolvers<void>();
  #expanding = 0;
  #isFilling = false;
  readonly #over = new AbortController();

  constructor(parts: WalkParts) {
    this.#parts = parts;
    this.#mcpCalls = new McpCalls(parts);
  }

  /** Walks to the end. @throws what a foreach's query throws · CANCELLED */
  async walk(signal: AbortSignal): Promise<Walked> {
    const stop = (): void => this.#abort(givenUp());
    if (signal.aborted) throw givenUp();
    signal.addEventListener('abort', stop, { once: true });
    try {
      this.#follow(this.#parts.run.start(this.#parts.clock.now()));
      await this.#end.promise;
      return { visits: this.#visits, nodes: this.#nodes };
    } finally {
      this.#over.abort(givenUp());
      this.#mcpCalls.stop();
      for (const cancel of this.#deadlines.values()) cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  messages(batch: readonly FromThread[]): void {
    for (const message of batch) {
      const visit = this.#live.get(message.ref);
      if (visit) this.#hear(visit, message);
    }
    this.#fill();
  }

  lost(ref: number, reason: string): void {
    const visit = this.#live.get(ref);
    if (!visit) return;
    this.#close(ref);
    visit.step.crashes += 1;
    if (visit.step.crashes < crashesAllowed) this.#send(visit);
    else {
      const message = `The thread under '${pathOf(visit.step)}' died: ${reason}.`;
      this.#fail(visit, toErrorData(new EngineError('STEP_CRASHED', message)));
    }
    this.#fill();
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  // ── the graph ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #follow(next: readonly Next[]): void {
    const { run } = this.#parts;
    for (const each of next) {
      if (each.kind === 'ready') this.#ready.push(each.step);
      else if (each.kind === 'expand') void this.#expand(each.container);
      else if (each.kind === 'open') this.#pass(each.step);
      else if (each.kind === 'ended') this.#end.resolve();
    }
    run.takeChanged();
    this.#fill();
  }

  /** Nobody is asked and nothing is waited for; what an event or another run would bring is not known. */
  #pass(step: Step): void {
    const { run, clock } = this.#parts;
    const output = step.kind === 'approval' ? { by: ['plan'], note: null } : null;
    const outcome = { kind: 'succeeded', output, json: JSON.stringify(output) } as const;
    this.#follow(run.settle(step, outcome, clock.now()));
  }

  async #expand(container: Container): Promise<void> {
    const { run, clock } = this.#parts;
    this.#expanding += 1;
    try {
      const values = await itemsOf(run, container, {
        ...this.#parts,
        givenUp: this.#over.signal,
      });
      if (this.#isOver) return;
      this.#nodes[container.node.id] = itemsDigest(container.node, values, run.scope());
      this.#follow(run.expand(container, values, clock.now()));
    } catch (error) {
      this.#abort(error);
    } finally {
      this.#expanding -= 1;
    }
  }

  /** Starts what may start. */
  #fill(): void {
    // Steps that end at once lead back here; they must not pile up on the stack.
    if (this.#isOver || this.#isFilling) return;
    this.#isFilling = true;
    while (this.#live.size < atOnce) {
      const step = this.#ready.shift();
      if (!step) break;
      this.#start(step);
    }
    this.#isFilling = false;
    const isStuck = this.#live.size + this.#expanding + this.#ready.length === 0;
    if (isStuck && this.#parts.run.status === 'running')
      this.#abort(new EngineError('INTERNAL', 'The plan came to no end.'));
  }

  // ── its agents ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #start(step: Step): void {
    const { run, registry, clock, purses } = this.#parts;
    const { agent } = step.place as AgentPlace & Step['place'];
    const registered = registry.agents.get(agent) as RegisteredAgent;
    if (!step.item) this.#nodes[step.place.id] = stepDigest(step.place, run.scope());
    run.begin(step, clock.now());
    try {
      const input = inputOf(run, step, registered);
      const visit = new Visit({ step, registered, input: digest(input).toString('hex') });
      this.#visits.push(visit);
      purses.open(visit);
      if (registered.agent.procedure) this.#send(visit, input);
      else this.#fail(visit, withoutPlaybook(registered));
    } catch (error) {
      const visit = new Visit({ step, registered, input: '' });
      this.#visits.push(visit);
      this.#fail(visit, toErrorData(error));
    }
  }

  #send(visit: Visit, input = inputOf(this.#parts.run, visit.step, visit.registered)): void {
    const { dispatcher, run, clock, newRef } = this.#parts;
    const { step, registered } = visit;
    const { tenantId, id: runId, company, businessDate, attended, journal } = run.facts;
    const ref = newRef();
    visit.restart();
    this.#live.set(ref, visit);
    const { timeoutMs } = stepLimits(step.place, registered.agent);
    const late = toErrorData(
      new EngineError('AGENT_TIMEOUT', `'${registered.name}' did not end within ${timeoutMs} ms.`),
    );
    this.#deadlines.set(
      ref,
      clock.after(timeoutMs, () => dispatcher.cancel(ref, late)),
    );
    dispatcher.run({
      ...{ ref, tenantId, runId, company, businessDate, attended, journal, input },
      ...goalFor(run, step),
      stepPath: pathOf(step),
      attempt: step.attempt,
      agent: registered.name,
      ...(registered.made && { made: registered.made }),
      mode: registered.isTool ? 'playbook' : 'rehearsal',
      simulate: { latency: false },
      alone: step.crashes > 0,
      permitted: false,
      recorded: [],
      ...serverOf(step),
      ...batchOf(step),
    });
  }

  #hear(visit: Visit, message: FromThread): void {
    const { dispatcher, purses } = this.#parts;
    const { ref } = message;
    switch (message.kind) {
      case 'permit':
        return this.#permit(visit, { ref, bytes: message.bytes });
      case 'turn': {
        const { done } = message;
        const grant = visit.open?.grant;
        if (grant) visit.called(done, purses.settle(grant, done));
        return this.#permitWaiting();
      }
      case 'entry':
        return visit.note(message.entry);
      case 'enter':
        return dispatcher.tell({ kind: 'entered', ref, id: message.id });
      case 'mcp':
        return this.#mcpCalls.make(message, this.#callerOf(visit));
      case 'mcp-cancel':
        return this.#mcpCalls.cancel(message);
      case 'intent':
      case 'effected':
        // The guard lets no effect begin in a rehearsal; one that began all the same ends the plan.
        return this.#abort(
          new EngineError('INTERNAL', `A plan began a write at '${pathOf(visit.step)}'.`),
        );
      case 'done':
        return this.#done(ref, visit, message.done);
      case 'leave':
      case 'sent':
      case 'finding':
      case 'delta':
        return;
    }
  }

  #callerOf({ registered }: Visit): Omit<McpCaller, 'signal'> {
    const { tenantId, id: runId } = this.#parts.run.facts;
    return { tenantId, runId, agent: registered.name, model: 'playbook' };
  }

  #permit(visit: Visit, asked: { readonly ref: number; readonly bytes: number }): void {
    const { dispatcher, purses } = this.#parts;
    const { ref, bytes } = asked;
    const answer = purses.ask(visit, bytes);
    if (answer === null) this.#waiting.push(asked);
    else if (answer instanceof EngineError)
      dispatcher.tell({ kind: 'denied', ref, error: toErrorData(answer) });
    else {
      visit.open = { bytes, grant: answer };
      dispatcher.tell({ kind: 'granted', ref, target: answer.target });
    }
  }

  #permitWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const asked of waiting) {
      const visit = this.#live.get(asked.ref);
      if (visit) this.#permit(visit, asked);
    }
  }

  #done(ref: number, visit: Visit, done: JobDone): void {
    const { run, clock } = this.#parts;
    this.#close(ref);
    if (done.kind === 'failed') return this.#fail(visit, done.error);
    const output = JSON.parse(done.output) as unknown;
    const outcome = { kind: 'succeeded', output, json: done.output } as const;
    this.#follow(run.settle(visit.step, outcome, clock.now()));
  }

  #fail(visit: Visit, error: ErrorData): void {
    const { run, clock } = this.#parts;
    visit.error = error;
    this.#follow(run.settle(visit.step, { kind: 'failed', error }, clock.now()));
  }

  /** Nothing more is heard of a job; a call that it still held is given back. */
  #close(ref: number): void {
    const visit = this.#live.get(ref);
    this.#live.delete(ref);
    this.#mcpCalls.close(ref);
    this.#deadlines.get(ref)?.();
    this.#deadlines.delete(ref);
    const grant = visit?.open?.grant;
    if (visit) visit.open = null;
    if (!grant) return;
    this.#parts.purses.settle(grant, { usage: null, sent: false });
    this.#permitWaiting();
  }

  #abort(reason: unknown): void {
    this.#over.abort(givenUp());
    this.#end.reject(reason);
  }
}

/** The end of a plan that nobody waits for any more. */
export function givenUp(): EngineError {
  return new EngineError('CANCELLED', 'Whoever wanted the plan has gone.');
}

function withoutPlaybook({ name }: RegisteredAgent): ErrorData {
  const message = `'${name}' has no playbook: what it would do is not known.`;
  return toErrorData(new EngineError('MODEL_REQUIRED', message));
}
