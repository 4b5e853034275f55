import { LeaseClock, monotonicNs } from '../../core/base/lease-clock.ts';
import type { DispatchEvents, FromThread, Job, JobDone } from '../../core/ports/dispatcher.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import type { ThreadSetup } from '../../worker/pool/lane.ts';
import { Pool } from '../../worker/pool/pool.ts';
import lab from './fixtures/lab.config.ts';

/** How a job ended, as an engine hears it. */
export type Ended =
  | JobDone
  | { readonly kind: 'lost'; readonly reason: string; readonly suspect: boolean | null };

/** A job that was sent to a pool. */
export interface Sent {
  readonly ref: number;
  readonly worker: string;
  readonly ended: Promise<Ended>;
}

/** What threads need to load the lab. */
export const labSetup: ThreadSetup = {
  configUrl: new URL('./fixtures/lab.config.ts', import.meta.url).href,
  connection: {},
  dataFolder: '/nonexistent',
  profiles: null,
  digest: loadRegistry(lab, sharedEntities).digest,
};

/** Nothing is stopped. */
const clear = { clearUntilMs: Number.POSITIVE_INFINITY };

/** The engine's side of a dispatcher, for tests of threads alone: it permits everything and remembers how each job ended. */
export class Jobs implements DispatchEvents {
  /** What threads have said, in order. */
  readonly told: FromThread[] = [];
  /** Jobs that have begun after they had waited, by ref. */
  readonly begun = new Set<number>();
  readonly #ends = new Map<number, (ended: Ended) => void>();
  readonly #dispatcher: () => Pick<Pool, 'run' | 'tell'>;
  #refs = 0;

  constructor(dispatcher: () => Pick<Pool, 'run' | 'tell'>) {
    this.#dispatcher = dispatcher;
  }

  /** Sends a job to an agent of the lab, or of the module that is named with it. */
  send(
    agent: string,
    input: unknown,
    options: Partial<Pick<Job, 'alone' | 'mode' | 'simulate' | 'runId' | 'stepPath'>> = {},
  ): Sent {
    this.#refs += 1;
    const ref = this.#refs;
    const ended = new Promise<Ended>((resolve) => this.#ends.set(ref, resolve));
    const name = agent.includes('.') ? agent : `lab.${agent}`;
    const worker = this.#dispatcher().run(jobOf(ref, { agent: name, input, ...options }));
    return { ref, worker, ended };
  }

  messages(batch: readonly FromThread[]): void {
    for (const message of batch) {
      const { kind, ref } = message;
      this.told.push(message);
      if (kind === 'permit') this.#dispatcher().tell({ kind: 'granted', ref });
      if (kind === 'done') this.#end(ref, message.done);
      if (kind === 'intent')
        this.#dispatcher().tell({
          ...clear,
          kind: 'begun',
          ref,
          key: message.intent.key,
          known: null,
        });
      if (kind === 'effected')
        this.#dispatcher().tell({ ...clear, kind: 'ended', ref, key: message.key });
    }
  }

  begins(ref: number): void {
    this.begun.add(ref);
  }

  lost(ref: number, reason: string, suspect: boolean | null): void {
    this.#end(ref, { kind: 'lost', reason, suspect });
  }

  #end(ref: number, ended: Ended): void {
    this.#ends.get(ref)?.(ended);
    this.#ends.delete(ref);
  }
}

/** A pool with the lab's modules, its jobs, and the lease of an engine that holds it for a minute. */
export interface LabPool {
  readonly pool: Pool;
  readonly jobs: Jobs;
  readonly lease: LeaseClock;
}

/** Opens a pool and waits until its lanes are ready. `connection`: for agents that write, whose rights threads look up. @default no database */
export async function openLabPool(
  threads: number,
  connection: ThreadSetup['connection'] = labSetup.connection,
): Promise<LabPool> {
  const pool = new Pool({ setup: { ...labSetup, connection }, threads });
  const jobs = new Jobs(() => pool);
  const lease = heldLease();
  await pool.start(jobs, lease);
  await until(() => pool.health.ready === threads, 'all lanes are ready');
  return { pool, jobs, lease };
}

export function heldLease(): LeaseClock {
  const lease = new LeaseClock();
  lease.untilNs = monotonicNs() + 60_000_000_000n;
  return lease;
}

/** Waits for a state, looking every few milliseconds; returns how long it took, ms. @throws after a minute, or `withinMs` */
export async function until(
  holds: () => boolean,
  what: string,
  withinMs = 60_000,
): Promise<number> {
  const startedAt = performance.now();
  while (!holds()) {
    if (performance.now() - startedAt > withinMs)
      throw new Error(`It did not happen within ${withinMs} ms that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedAt;
}

/** A job of the lab, as an engine sends it. */
export function jobOf(ref: number, what: Pick<Job, 'agent' | 'input'> & Partial<Job>): Job {
  return {
    ref,
    tenantId: 1,
    runId: `run-${ref}`,
    stepPath: `step-${ref}`,
    attempt: 1,
    mode: 'playbook',
    company: null,
    businessDate: '2026-06-30',
    attended: false,
    journal: 2,
    alone: false,
    permitted: false,
    recorded: [],
    ...what,
  };
}
