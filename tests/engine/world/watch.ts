import type { EngineError, ErrorData } from '../../../core/base/errors.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import type { StepFailure } from '../../../core/ports/config.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { SimEngine } from './engine.ts';
import type { EngineWatch } from './engine-world.ts';
import { type Accuse, nameOfRun, type Seen } from './seen.ts';
import type { Retried } from './stored-runs.ts';
import type { SimThread } from './thread.ts';
import { Calls } from './watch-calls.ts';
import { Families } from './watch-children.ts';
import { Given } from './watch-given.ts';
import { Money } from './watch-money.ts';
import { Record } from './watch-record.ts';
import { Retries } from './watch-retries.ts';
import { Starts } from './watch-starts.ts';
import { Waits } from './watch-waits.ts';
import { Ways } from './watch-ways.ts';

/** Holds the invariants against a world: while something happens, after every event, and at the end. */
export class Watch implements EngineWatch<SimEngine> {
  readonly money: Money;
  readonly #world: Seen;
  readonly #violations: string[] = [];
  readonly #starts: Starts;
  readonly #calls: Calls;
  readonly #record: Record;
  readonly #retries: Retries;
  readonly #given: Given;
  readonly #ways: Ways;
  readonly #waits: Waits;
  readonly #families: Families;

  constructor(world: Seen) {
    this.#world = world;
    const accuse: Accuse = (invariant, what) => this.#violations.push(`${invariant}: ${what}`);
    this.#calls = new Calls(world, accuse);
    this.money = new Money(world, accuse, this.#calls);
    this.#starts = new Starts(world, accuse, this.money);
    this.#record = new Record(world, accuse);
    this.#retries = new Retries(world, accuse);
    this.#given = new Given(world, accuse);
    this.#ways = new Ways(world, accuse);
    this.#waits = new Waits(world, accuse);
    const others = { given: this.#given, retries: this.#retries };
    this.#families = new Families(world, accuse, others);
  }

  changed(engine: SimEngine, change: Change): void {
    this.#starts.changed(engine, change);
    this.#calls.changed(engine, change);
    this.money.changed(change);
    this.#ways.changed(engine, change);
  }

  launched(engine: SimEngine, job: Job): void {
    this.#world.note(`start ${nameOfRun(job.runId)} ${job.stepPath} ${job.attempt} ${job.mode}`);
    this.#starts.launched(engine, job);
    this.#retries.launched(job);
    this.#given.launched(job);
    this.#ways.launched(engine, job);
  }

  sent(engine: SimEngine, job: Job): void {
    this.#calls.sent(engine, job);
  }

  asked(engine: SimEngine, thread: SimThread): void {
    const { job, calls } = thread;
    this.#world.note(`asks ${job.stepPath} ${calls.ask.failed?.error.code ?? ''}`);
    this.#calls.asked(engine, thread);
  }

  denied(engine: SimEngine, thread: SimThread, error: ErrorData): void {
    this.#world.note(`denied ${thread.job.stepPath} ${error.code}`);
    this.#calls.denied(engine, thread, error);
  }

  timedOut(engine: SimEngine, thread: SimThread): void {
    this.#world.note(`timed out ${thread.job.stepPath}`);
    this.#calls.timedOut(engine, thread);
  }

  stepFailed(failure: StepFailure): void {
    this.#ways.failed(failure);
  }

  committed(_engine: SimEngine, changes: readonly Change[]): void {
    const lines = changes.flatMap(({ run, entries = [] }) =>
      entries.map(
        ({ seq, kind, step }) => `${nameOfRun(run.facts.id)}:${seq} ${kind} ${step ?? ''}`,
      ),
    );
    this.#world.note(`commit ${lines.join(', ')}`);
  }

  rejected(_engine: SimEngine, { step }: Change, error: EngineError): void {
    this.#violations.push(`journal: rows of step ${step?.id} were refused: ${error.message}`);
  }

  failed({ boot }: SimEngine, { code, message }: EngineError): void {
    if (code !== 'ENGINE_FENCED' || !this.#world.database.gone.has(boot))
      this.#violations.push(`journal: the engine gave up: ${message}`);
  }

  /** Somebody has asked for the retry of a run that has ended. */
  retried(retried: Retried): void {
    this.#world.note(`retry ${nameOfRun(retried.former.id)}`);
    this.#retries.retried(retried);
  }

  /** After every event. @throws what was violated, with the last of what happened */
  look(): void {
    this.#starts.look();
    this.#calls.look();
    this.money.look();
    this.#record.look();
    this.#retries.look();
    this.#given.look();
    this.#waits.look();
    this.#families.look();
    this.#report();
  }

  /** When every run has ended. @throws what was violated */
  atTheEnd(): void {
    this.money.atTheEnd();
    this.#record.atTheEnd();
    this.#retries.atTheEnd();
    this.#report();
  }

  #report(): void {
    if (this.#violations.length === 0) return;
    const before = this.#world.trace.slice(-60).join('\n');
    throw new Error(`${[...new Set(this.#violations)].join('\n')}\nafter\n${before}`);
  }
}
