import type { ErrorCode, ErrorData } from '../../../core/base/errors.ts';
import { digest } from '../../../core/base/ids.ts';
import type {
  Answer,
  EffectRecord,
  FromThread,
  Job,
  JobDone,
} from '../../../core/ports/dispatcher.ts';
import type { Usage } from '../../../core/ports/models/model.ts';
import { modelName, outputTokens } from './agents.ts';
import type { Dice } from './dice.ts';
import type { Outside, ProviderCall } from './outside.ts';

type Phase = 'working' | 'permitted' | 'calling' | 'asking' | 'intending' | 'begun' | 'ending';

/** Failures that a thread may end with, by chance: some pass by themselves, some do not. */
const failures: readonly ErrorCode[] = [
  'AGENT_FAILED',
  'TOOL_FAILED',
  'MODEL_UNAVAILABLE',
  'OUTPUT_INVALID',
  'TURNS_EXHAUSTED',
];

/** What a job of the simulated world works with. */
export interface ThreadWorld {
  readonly boot: string;
  readonly outside: Outside;
  readonly now: () => number;
  /** When the engine permitted the call that a job makes now. */
  readonly grantedAt: (job: Job) => number;
  /** Whether the engine surely holds its lease. */
  readonly isOwned: () => boolean;
  readonly say: (message: FromThread) => void;
  /** How often an agent writes, asks a model, and fails: once in so many things that it does. */
  readonly habits: { readonly write: number; readonly fail: number; readonly stuck: number };
}

/** One job on its thread: it does one thing at a time, and chance decides which. */
export class SimThread {
  readonly job: Job;
  phase: Phase;
  /** Why it was told to end. */
  cancelled: ErrorData | null = null;
  /** Runs in a circle for ever: hears nothing, and only the death of its thread ends it. */
  isStuck = false;
  /** Bytes of the request that it waits to be permitted. */
  bytes = 0;
  readonly #world: ThreadWorld;
  #call: ProviderCall | null = null;
  #turns: number;
  #writes = 0;
  #known: EffectRecord | null = null;
  #degraded = false;

  constructor(job: Job, world: ThreadWorld) {
    this.job = job;
    this.#world = world;
    this.#turns = job.recorded.length;
    this.phase = job.permitted ? 'permitted' : 'working';
  }

  /** Whether it can do something by itself now. */
  get canAct(): boolean {
    if (this.isStuck) return false;
    return this.cancelled !== null || !['asking', 'intending', 'ending'].includes(this.phase);
  }

  hear(answer: Answer): void {
    switch (answer.kind) {
      case 'granted':
        this.phase = 'permitted';
        return;
      case 'denied':
        this.#degraded = true;
        this.phase = 'working';
        return;
      case 'begun':
        this.#known = answer.known;
        this.phase = 'begun';
        return;
      case 'ended':
        this.phase = 'working';
        return;
      case 'cancel':
        this.cancelled ??= answer.error;
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
      case 'begun':
        return this.#write(dice);
      default:
        return this.#work(dice);
    }
  }

  /** Its process is gone, or its thread: the provider goes on without it. */
  die(): void {
    if (this.#call) this.#call.open = false;
  }

  #work(dice: Dice): void {
    const { habits } = this.#world;
    if (dice.once(habits.stuck)) {
      this.isStuck = true;
      return;
    }
    const asksModel = this.job.mode === 'model' && !this.#degraded;
    if (asksModel && (this.#turns === 0 || (this.#turns < 3 && dice.once(2))))
      return this.#ask(dice);
    if (this.#writes < 2 && dice.once(habits.write)) return this.#begin(dice);
    if (dice.once(6)) return this.#note(dice);
    if (dice.once(habits.fail)) return this.#fail(dice);
    this.#end({ kind: 'succeeded', output: JSON.stringify({ n: dice.below(9) }) });
  }

  #ask(dice: Dice): void {
    this.bytes = 200 + dice.below(2_000);
    this.phase = 'asking';
    this.#say({ kind: 'permit', bytes: this.bytes });
  }

  #makeCall(dice: Dice): void {
    const { boot, outside, now, grantedAt } = this.#world;
    const { runId, ref, agent } = this.job;
    const model = modelName(agent);
    const moments = { grantedAt: grantedAt(this.job), madeAt: now() };
    this.#call = { boot, model, runId, ref, ...moments, usage: usageBy(dice), open: true };
    outside.calls.push(this.#call);
    this.phase = 'calling';
  }

  #endCall(dice: Dice): void {
    const call = this.#call as ProviderCall;
    call.open = false;
    this.#call = null;
    this.#turns += 1;
    this.phase = 'working';
    const outcome = dice.below(10);
    const isLost = outcome === 0;
    if (isLost) this.#world.outside.forget(call);
    const error = outcome < 3 || this.cancelled ? failureOf('MODEL_UNAVAILABLE') : undefined;
    this.#say({
      kind: 'turn',
      done: {
        turn: this.#turns,
        model: call.model,
        usage: isLost || error ? null : call.usage,
        stop: 'tools',
        sent: !isLost,
        durationMs: 1,
        ...(error ? { error } : { body: '[]' }),
      },
    });
    if (error && dice.once(2)) this.#end({ kind: 'failed', error });
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
        args,
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
    if (!this.#known || !outside.writes.has(key)) outside.write(key);
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
    return digest(this.job.runId, this.job.stepPath, this.#writes).toString('hex');
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

function failureOf(code: ErrorCode): ErrorData {
  return { code, message: 'it happened' };
}

function usageBy(dice: Dice): Usage {
  const input = 1 + dice.below(900);
  const output = 1 + dice.below(outputTokens);
  return { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
}
