import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import { isOutage, rethrowTranslated } from '../../ports/db/db-error.ts';
import type { StepWait } from '../../ports/db/states.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { ApplyRuns } from '../approvals/apply.ts';
import type { Approvals } from '../approvals/approvals.ts';
import type { Decided } from '../approvals/decide.ts';
import { type CompiledApproval, type CompiledWait, isAgentPlace } from '../graph/compiled.ts';
import { type EntryInput, nextEntry } from '../journal/entries.ts';
import type { Change } from '../journal/rows.ts';
import { innocentDelayMs } from '../loop/failures.ts';
import { Looks, nextLook } from '../loop/looks.ts';
import { noTries } from '../recovery/ladder.ts';
import type { Next } from '../run/next.ts';
import type { Outcome } from '../run/outcome.ts';
import type { Run } from '../run/run.ts';
import { isEnding, pathOf, type Step } from '../run/step.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Children, StepEnd, WaitingStep } from './children.ts';
import type { AnsweredTurn, HandOvers } from './hand-overs.ts';
import type { HappeningEvents, Happenings } from './happenings.ts';
import type { Pending } from './pending.ts';

/** What is done to a step that waits for something outside, as the run loop does it. */
export interface OutsideEvents {
  note(run: Run, entry: EntryInput, taken?: readonly number[]): void;
  follow(run: Run, next: readonly Next[]): void;
  ended(run: Run, step: Step, outcome: Outcome): void;
  /** Gives back what a running step holds. */
  free(run: Run, step: Step): void;
  cancelled(run: Run, step: Step): void;
  /** `durable`: what follows once that is stored. */
  write(change: Change, durable?: () => void): void;
  /** Something may start that could not. */
  changed(): void;
}

/** What steps that wait for something outside are opened with. */
export interface OutsideParts {
  readonly clock: Clock;
  /** What a look each second has to do with. @throws DB_* */
  readonly pending: () => Promise<Pending>;
  readonly approvals: Pick<Approvals, 'ask' | 'expire' | 'tidy'>;
  /** Carries out what was granted and no step waits for. */
  readonly applies: Pick<ApplyRuns, 'submit'>;
  readonly children: Children;
  readonly handOvers: HandOvers;
  /** The agent that does a step now. */
  readonly agentOf: (step: Step) => RegisteredAgent;
  readonly happenings: Happenings;
  /** The next moment of a company's fiscal calendar after one, milliseconds since the epoch. @throws CALENDAR_INVALID */
  readonly momentOf: (
    company: string | null,
    moment: { readonly moment: string; readonly time: string },
    afterMs: number,
  ) => number;
  readonly isOn: () => boolean;
  /** Told of what could not be looked at. @default nobody is */
  readonly measures?: Pick<Measures, 'stumbled'> | undefined;
  readonly events: OutsideEvents;
}

/** How long a step waits, and for what. */
interface Waiting {
  readonly wait: StepWait;
  readonly wakeAt: number | null;
  /** What the journal says of it. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * Steps that something outside of their run ends: an approval by people, a wait by its moment or an ERP event, a workflow by the run that
 * it started. They hold nothing. In a rehearsal nobody is asked and no time passes.
 *
 *   ready ─ opened, durable ─▶ waiting ─ decided · come · ended · late ─▶ succeeded | skipped | failed
 */
export class Outside {
  readonly #parts: OutsideParts;
  /** What was decided before the step had heard that it was asked. */
  readonly #early = new WeakMap<Step, Decided>();
  /** Steps that are being opened. */
  readonly #opening = new Set<Step>();
  /** Steps whose ends are asked for. */
  readonly #watched = new Map<Step, Run>();
  readonly #looks: Looks;

  constructor(parts: OutsideParts) {
    this.#parts = parts;
    const { note, changed } = parts.events;
    this.#looks = new Looks({ clock: parts.clock, note, changed });
  }

  /** Begins to wait, once, as soon as all that led to it is durable. Never throws; what cannot be done for now is tried again, unless the run is paused by then. */
  async open(run: Run, step: Step): Promise<void> {
    if (this.#opening.has(step) || run.isPaused || !this.#isWanted(step)) return;
    this.#looks.callOff(step);
    this.#opening.add(step);
    await this.#recorded(run, step);
    if (!run.isPaused && this.#isWanted(step)) await this.#open(run, step);
    this.#opening.delete(step);
  }

  /**
   * What people are shown and what a run is given rests on what is durable, as does the step's number: a new owner that did it again could
   * come to something else, and would meet what was asked before.
   */
  #recorded(run: Run, step: Step): Promise<void> {
    return new Promise((resolve) => this.#parts.events.write({ run, step }, resolve));
  }

  async #open(run: Run, step: Step): Promise<void> {
    try {
      const opened = await this.#opened(run, step);
      if (!this.#isWanted(step)) return;
      if ('kind' in opened) return this.#parts.events.ended(run, step, opened);
      const { wait, wakeAt, data } = opened;
      run.wait(step, wait, wakeAt);
      this.#parts.events.note(run, { step, kind: 'step.waiting', data: { wait, wakeAt, ...data } });
      this.#parts.events.follow(run, [{ kind: 'wait', step }]);
    } catch (fault) {
      if (this.#isWanted(step)) this.#afterFault({ run, step }, fault, () => this.open(run, step));
    }
  }

  /** Looks again after what may pass; anything else has failed the step. */
  #afterFault({ run, step }: WaitingStep, fault: unknown, look: () => Promise<void>): void {
    const error = toErrorData(fault);
    if (this.#looks.again({ run, step }, error, look)) return;
    this.#parts.events.ended(run, step, { kind: 'failed', error });
  }

  /** The moment of a waiting step has come. */
  async late(run: Run, step: Step): Promise<void> {
    const { place } = step;
    if (place.kind === 'approval') return await this.#expire(run, step);
    if (place.kind === 'wait' && place.for.kind === 'event') return await this.#lookLast(run, step);
    this.#parts.events.ended(run, step, done(null));
  }

  /** The time of a wait for an event is over. Only its ERP can tell whether that has come meanwhile: one that cannot be asked is asked again. */
  async #lookLast(run: Run, step: Step): Promise<void> {
    const { happenings, events, isOn } = this.#parts;
    const isWanted = (): boolean => step.status === 'waiting' && isOn();
    if (!isWanted()) return;
    try {
      const end = await happenings.last({ run, step });
      if (isWanted()) events.ended(run, step, end?.outcome ?? failed(step, 'no such event came'));
    } catch (fault) {
      if (isWanted()) this.#afterFault({ run, step }, fault, () => this.#lookLast(run, step));
    }
  }

  /** People have decided. */
  decided(run: Run, step: Step, decided: Decided): void {
    if (step.wait === 'approval') this.#parts.events.ended(run, step, answerOf(step, decided));
    else this.#early.set(step, decided);
  }

  /** Lets a step wait for the agents to whom its model has handed work; they get it once that is durable. */
  delegated(run: Run, step: Step): void {
    const { events } = this.#parts;
    if (isEnding(run, step)) return events.cancelled(run, step);
    events.free(run, step);
    run.wait(step, 'child');
    const entry = nextEntry(run, { step, kind: 'step.waiting', data: { wait: 'child' } });
    events.write({ run, step, entries: [entry] }, () => this.watch(run, step));
    events.follow(run, []);
  }

  /** Keeps an eye on a step that waits. */
  watch(run: Run, step: Step): void {
    if (step.wait === 'child' && isAgentPlace(step.place)) void this.#handOn(run, step);
    else if (step.wait === 'child' || step.wait === 'event') this.#watched.set(step, run);
  }

  /**
   * Once a second: events that have come, runs that have ended, runs that are not wanted any more. What cannot be looked at keeps the rest
   * from nothing. @throws DB_* without a database
   */
  async tend(): Promise<void> {
    const { approvals, applies, children, happenings, handOvers, measures } = this.#parts;
    // Where nobody can tell, everything is looked at.
    let pending: Pending = { questions: true, granted: true, children: true };
    const looks = [
      async () => {
        pending = await this.#parts.pending();
      },
      async () => pending.questions && (await approvals.tidy()),
      async () => pending.granted && (await applies.submit()),
      async () => pending.children && (await children.endOrphans()),
      async () => this.#end(await children.ended(this.#waiting())),
      async () => happenings.look(this.#waiting(), this.#heard),
      async () => {
        for (const turn of await handOvers.answered()) this.#answer(turn);
      },
    ];
    for (const look of looks)
      await look().catch((error: unknown) => {
        if (isOutage(error)) throw error;
        measures?.stumbled(error);
      });
  }

  /** Hears of ERP events, whenever an ERP has answered. */
  get #heard(): HappeningEvents {
    const { isOn, events, measures } = this.#parts;
    return {
      came: (end) => {
        if (!isOn()) return;
        this.#end([end]);
        events.changed();
      },
      failed: (error) => {
        if (isOn()) measures?.stumbled(error);
      },
    };
  }

  #waiting(): readonly WaitingStep[] {
    for (const step of this.#watched.keys())
      if (step.status !== 'waiting') this.#watched.delete(step);
    return [...this.#watched].map(([step, run]) => ({ run, step }));
  }

  #end(ends: readonly StepEnd[]): void {
    for (const { run, step, outcome } of ends)
      if (step.status === 'waiting') this.#parts.events.ended(run, step, outcome);
  }

  /** Starts the runs of what a step has handed on. Never throws. */
  async #handOn(run: Run, step: Step, tries = noTries): Promise<void> {
    const { handOvers, agentOf, clock, events, isOn } = this.#parts;
    const isWanted = (): boolean => step.wait === 'child' && isOn();
    if (!isWanted()) return;
    try {
      await handOvers.begin({ run, step }, agentOf(step)).catch(rethrowTranslated);
    } catch (error) {
      const data = toErrorData(error);
      if (!isWanted()) return;
      // Not its agent's own tries: those are of its rules.
      const next = nextLook(data, tries);
      if (next) clock.after(next.delayMs, () => void this.#handOn(run, step, next.tries));
      else events.ended(run, step, { kind: 'failed', error: data });
    }
  }

  /** What other agents have answered is stored with the step that goes on, and what they have spent with its own. */
  #answer({ run, step, entries, costMicroUsd }: AnsweredTurn): void {
    const { events, clock, isOn } = this.#parts;
    if (step.wait !== 'child' || !isOn()) return;
    step.costMicroUsd += costMicroUsd;
    run.wake(step, clock.now());
    events.write({ run, step, entries: entries.map((entry) => nextEntry(run, entry)) });
    events.follow(run, [{ kind: 'ready', step }]);
  }

  async #opened(run: Run, step: Step): Promise<Waiting | Outcome> {
    const { place } = step;
    switch (place.kind) {
      case 'approval':
        return await this.#ask(run, step, place);
      case 'workflow':
        await this.#parts.children.begin(run, step).catch(rethrowTranslated);
        return { wait: 'child', wakeAt: null, data: { workflow: place.workflow } };
      default:
        return await this.#wait(run, step, place as CompiledWait);
    }
  }

  async #ask(run: Run, step: Step, place: CompiledApproval): Promise<Waiting | Outcome> {
    const scope = run.scope(step.item);
    const title = String(place.title(scope));
    const shown = place.show(scope);
    if (run.facts.rehearsal) return done({ by: ['rehearsal'], note: null });
    const { approvals, clock } = this.#parts;
    const { by, required, escalate, expiresMs } = place;
    const { id, state, leftMs, decided } = await approvals
      .ask(run.facts, {
        ...{ step: step.id, path: pathOf(step), title, shown, by, required, expiresMs, escalate },
      })
      .catch(rethrowTranslated);
    const answer = decided ?? this.#early.get(step);
    if (answer) return answerOf(step, answer);
    if (state !== 'open') return refusalOf(step, state);
    return {
      wait: 'approval',
      // In this engine's time, which may not be the database's.
      wakeAt: clock.now() + leftMs,
      // Not the title: it is made of outputs, and an entry cannot be erased.
      data: { approval: id, by, required },
    };
  }

  /** The time of a question is over; what was decided at the last moment counts. */
  async #expire(run: Run, step: Step): Promise<void> {
    const { approvals, clock, events, isOn } = this.#parts;
    const answer = await approvals.expire(run.facts, step.id).catch(() => null);
    if (step.status !== 'waiting' || !isOn()) return;
    const again = (): void => void this.late(run, step).then(() => events.changed());
    // Without its database it goes on waiting, and looks again.
    if (!answer) return void clock.after(innocentDelayMs, again);
    const { decided, state, leftMs } = answer;
    // Its time is the database's, and this clock is ahead.
    if (state === 'open') return void clock.after(Math.max(1, leftMs), again);
    events.ended(run, step, decided ? answerOf(step, decided) : refusalOf(step, 'expired'));
  }

  async #wait(run: Run, step: Step, { for: what }: CompiledWait): Promise<Waiting | Outcome> {
    if (run.facts.rehearsal) return done(null);
    const now = this.#parts.clock.now();
    const scope = run.scope(step.item);
    switch (what.kind) {
      case 'duration':
        return { wait: 'timer', wakeAt: now + what.ms };
      case 'moment':
        return { wait: 'timer', wakeAt: momentIn(what.at(scope), step) };
      case 'calendar': {
        const company = what.company ? String(what.company(scope)) : run.facts.company;
        return { wait: 'timer', wakeAt: this.#parts.momentOf(company, what, now) };
      }
      case 'event': {
        const cursor = await this.#parts.happenings.begin(run, step);
        const { entity, timeoutMs } = what;
        return { wait: 'event', wakeAt: now + timeoutMs, data: { entity, cursor } };
      }
    }
  }

  #isWanted({ status }: Step): boolean {
    return status === 'ready' && this.#parts.isOn();
  }
}

const done = (output: unknown): Outcome => ({
  kind: 'succeeded',
  output,
  json: JSON.stringify(output),
});

function answerOf(step: Step, { state, by, note }: Decided): Outcome {
  return state === 'granted' ? done({ by, note }) : refusalOf(step, state);
}

/** Nobody has said yes. */
function refusalOf(step: Step, state: string): Outcome {
  const error = errorOf(step, `the approval was ${state}`, 'APPROVAL_REFUSED');
  const { onRefusal } = step.place as CompiledApproval;
  return { kind: onRefusal === 'skip' ? 'skipped' : 'failed', error };
}

function failed(step: Step, what: string): Outcome {
  return { kind: 'failed', error: errorOf(step, what, 'WAIT_TIMEOUT') };
}

function errorOf(step: Step, what: string, code: 'WAIT_TIMEOUT' | 'APPROVAL_REFUSED'): ErrorData {
  return toErrorData(new EngineError(code, `'${pathOf(step)}': ${what}.`));
}

function momentIn(value: unknown, step: Step): number {
  const moment = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(moment)) return moment;
  const seen = JSON.stringify(value)?.slice(0, 80);
  const message = `'${pathOf(step)}' waits until ${seen}, which is no moment; write RFC 3339, for example 2026-01-31T06:00:00Z.`;
  throw new EngineError('EXPRESSION_INVALID', message);
}
