import type { ErrorCode, ErrorData } from '../../../core/base/errors.ts';
import { digest } from '../../../core/base/ids.ts';
import type {
  Answer,
  EffectRecord,
  FromThread,
  Job,
  JobDone,
} from '../../../core/ports/dispatcher.ts';
import { goesOn } from './agents.ts';
import type { Dice } from './dice.ts';
import { type CallWorld, failureOf, ModelCalls } from './model-calls.ts';
import { Stopwatch } from './stopwatch.ts';

type Phase =
  | 'working'
  | 'permitted'
  | 'calling'
  /** A call has failed for now; it is asked for again. */
  | 'failed'
  | 'asking'
  /** No call is made, and no playbook takes its place. */
  | 'denied'
  | 'intending'
  | 'begun'
  | 'ending';

/** Failures that a thread may end with, by chance: some pass by themselves, some do not. */
const failures: readonly ErrorCode[] = [
  'AGENT_FAILED',
  'TOOL_FAILED',
  'MODEL_UNAVAILABLE',
  'OUTPUT_INVALID',
  'TURNS_EXHAUSTED',
];

/** What a job of the simulated world works with. */
export interface ThreadWorld extends CallWorld {
  /** Whether the engine surely holds its lease. */
  readonly isOwned: () => boolean;
  readonly say: (message: FromThread) => void;
  /** How often an agent writes, and fails: once in so many things that it does. */
  readonly habits: CallWorld['habits'] & {
    readonly write: number;
    readonly fail: number;
    readonly stuck: number;
  };
}

/** Denials that a playbook may answer to. */
const denials: readonly ErrorCode[] = ['BUDGET_EXCEEDED', 'BREAKER_OPEN'];

/** One job on its thread: it does one thing at a time, and chance decides which. */
export class SimThread {
  readonly job: Job;
  readonly calls: ModelCalls;
  /** Runs while it works, and stands still while it waits for a call. */
  readonly worked: Stopwatch;
  phase: Phase;
  /** Why it was told to end. */
  cancelled: ErrorData | null = null;
  /** Runs in a circle for ever: hears nothing, and only the death of its thread ends it. */
  isStuck = false;
  /** Whether the engine has granted the call that it asks for; it hears of it when that is durable. */
  isGranted = false;
  readonly #world: ThreadWorld;
  #writes = 0;
  #known: EffectRecord | null = null;
  #denied: ErrorData | null = null;
  #degraded = false;

  constructor(job: Job, world: ThreadWorld) {
    this.job = job;
    this.#world = world;
    this.calls = new ModelCalls(job, world);
    this.worked = new Stopwatch(world.now);
    this.phase = job.permitted ? 'permitted' : 'working';
  }

  /** Whether it can do something by itself now. */
  get canAct(): boolean {
    if (this.isStuck) return false;
    return this.cancelled !== null || !['asking', 'intending', 'ending'].includes(this.phase);
  }

  /** Whether it waits for a call, and holds no slot meanwhile. */
  get waits(): boolean {
    return this.phase === 'asking' && !this.isGranted;
  }

  /** The engine has taken a slot and a call for it. */
  granted(): void {
    this.isGranted = true;
    this.worked.goOn();
  }

  /** Its call was not to be paid after all: it waits again. */
  refused(): void {
    this.isGranted = false;
    this.worked.stop();
  }

  hear(answer: Answer): void {
    switch (answer.kind) {
      case 'granted':
        this.calls.target = answer.target ?? 0;
        this.phase = 'permitted';
        return;
      case 'denied':
        return this.#hearDenied(answer.error);
      case 'begun':
        this.#known = answer.known;
        this.phase = 'begun';
        return;
      case 'ended':
        this.phase = 'working';
        return;
      case 'cancel':
        this.cancelled ??= answer.error;
        return;
      case 'entered':
        throw new Error('No job of this world calls a limited side.');
      case 'mcp-answered':
        throw new Error('No job of this world calls an MCP server.');
      case 'stopped':
        throw new Error('Nobody stops anything in this world.');
    }
  }

  act(dice: Dice): void {
    if (this.cancelled && (this.phase !== 'calling' || dice.once(2)))
      return this.#end({ kind: 'failed', error: this.cancelled });
    switch (this.phase) {
      case 'permitted':
        return this.#makeCall(dice);
      case 'calling':
        return this.#endCall(dice);
      case 'failed':
        return this.#ask(dice);
      case 'denied':
        return this.#end({ kind: 'failed', error: this.#denied as ErrorData });
      case 'begun':
        return this.#write(dice);
      default:
        return this.#work(dice);
    }
  }

  /** Its process is gone, or its thread: the provider goes on without it. */
  die(): void {
    this.calls.close();
  }

  #work(dice: Dice): void {
    const { habits } = this.#world;
    if (dice.once(habits.stuck)) {
      this.isStuck = true;
      return;
    }
    const asksModel = this.job.mode === 'model' && !this.#degraded;
    const { turns } = this.calls;
    if (asksModel && (turns === 0 || (turns < 3 && dice.once(2)))) return this.#ask(dice);
    if (this.#writes < 2 && dice.once(habits.write)) return this.#begin(dice);
    if (dice.once(6)) return this.#note(dice);
    if (dice.once(habits.fail)) return this.#fail(dice);
    this.#end({ kind: 'succeeded', output: JSON.stringify(this.#output(dice.below(9))) });
  }

  /** What nobody else brings: it says who has made it, and of a batch for whom. */
  #output(n: number): unknown {
    const { runId, stepPath, attempt, batch } = this.job;
    const by = `${runId.slice(-5)} ${stepPath} ${attempt}`;
    return { n, by, ...(batch && { results: batch.map((key) => ({ key, by: `${by} ${key}` })) }) };
  }

  #hearDenied(error: ErrorData): void {
    this.worked.goOn();
    this.phase = 'denied';
    this.#denied = error;
    if (!denials.includes(error.code) || !goesOn(this.job.agent)) return;
    this.#degraded = true;
    this.phase = 'working';
  }

  #ask(dice: Dice): void {
    this.phase = 'asking';
    this.isGranted = false;
    this.worked.stop();
    this.#say({ kind: 'permit', ...this.calls.question(dice) });
  }

  #makeCall(dice: Dice): void {
    this.calls.make(dice);
    this.phase = 'calling';
    this.#say({ kind: 'sent' });
  }

  #endCall(dice: Dice): void {
    const { done, fatal } = this.calls.end(dice, this.cancelled);
    this.phase = done.error ? 'failed' : 'working';
    this.#say({ kind: 'turn', done });
    if (fatal) this.#end({ kind: 'failed', error: fatal });
  }

  #begin(dice: Dice): void {
    this.#writes += 1;
    this.phase = 'intending';
    const args = { amount: dice.below(3) };
    this.#say({
      kind: 'intent',
      intent: {
        key: this.#key,
        tool: 'alpha.post',
        contract: '00',
        duty: null,
        entity: null,
        targetId: null,
        args: JSON.stringify(args),
        argsSha256: digest(args).toString('hex'),
        binds: null,
        state: 'started',
      },
    });
  }

  /** As the guard does it: a key that has led somewhere leads nowhere else; what may have happened is looked for first. */
  #write(dice: Dice): void {
    const { outside, isOwned } = this.#world;
    const key = this.#key;
    if (!isOwned()) return this.#end({ kind: 'failed', error: failureOf('ENGINE_FENCED') });
    if (this.#known && this.#known.state !== 'started') {
      this.phase = 'working';
      return;
    }
    if (this.#known && dice.once(8)) {
      this.#say({ kind: 'effected', key, state: 'needs_review', outcome: null });
      const error = { ...failureOf('EFFECT_IN_REVIEW'), details: { key } };
      return this.#end({ kind: 'failed', error });
    }
    const { runId, stepPath } = this.job;
    if (!this.#known || !outside.writes.has(key))
      outside.write(key, { run: runId, what: `${stepPath} ${this.#writes}` });
    this.phase = 'ending';
    // The thread may die, or the engine, before it says what it did.
    if (dice.once(6)) this.isStuck = true;
    else this.#say({ kind: 'effected', key, state: 'applied', outcome: { ok: true } });
  }

  #note(dice: Dice): void {
    if (dice.once(2)) return this.#say({ kind: 'entry', entry: { kind: 'note', data: {} } });
    const records = [{ entity: 'thing', id: String(dice.below(3)) }];
    const finding = { kind: 'odd', severity: 'low', records, summary: 'It is odd.' };
    this.#say({ kind: 'finding', finding: finding as never });
  }

  #fail(dice: Dice): void {
    this.#end({ kind: 'failed', error: failureOf(dice.pick(failures)) });
  }

  #end(
    end:
      | { readonly kind: 'succeeded'; readonly output: string }
      | { readonly kind: 'failed'; readonly error: ErrorData },
  ): void {
    this.die();
    const done: JobDone = { degraded: this.#degraded, trust: 'system', ...end };
    this.#say({ kind: 'done', done });
  }

  get #key(): string {
    const { runId, effectsOf = runId, stepPath } = this.job;
    return digest(effectsOf, stepPath, this.#writes).toString('hex');
  }

  #say(message: Unaddressed): void {
    this.#world.say({ ...message, ref: this.job.ref } as FromThread);
  }
}

type Unaddressed = FromThread extends infer Each
  ? Each extends FromThread
    ? Omit<Each, 'ref'>
    : never
  : never;
