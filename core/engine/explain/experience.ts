import type { Clock } from '../../base/clock.ts';
import type { DispatchEvents, FromThread } from '../../ports/dispatcher.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Attempt } from '../loop/attempt.ts';
import type { Attempts } from '../loop/attempts.ts';
import { Durations, type ExpectedAttempt, type WorkMode } from '../schedule/durations.ts';
import type { Past } from './past.ts';

/** An agent, and how it works. */
export interface Worker {
  readonly registered: RegisteredAgent;
  readonly mode: WorkMode;
  /** How many times as fast as real ones its calls go, in a rehearsal. */
  readonly speed: number;
}

/** What an attempt has done so far, as its engine saw it. */
interface Track {
  readonly turns: Turn[];
  /** When its last turn ended, while it has not asked for the next. */
  workingSince: number | null;
}

interface Turn {
  readonly ms: number;
  thenMs: number | null;
  readonly input: number;
  readonly output: number;
  readonly bytes: number;
}

function hastened(attempt: ExpectedAttempt, speed: number): ExpectedAttempt {
  if (speed === 1) return attempt;
  return { ...attempt, turns: attempt.turns.map((turn) => ({ ...turn, ms: turn.ms / speed })) };
}

const sources: readonly ExpectedAttempt['source'][] = ['agent', 'module', 'all', 'assumed'];

/**
 * What attempts of this engine take, learned while they go on: it listens to what threads say, and measures what a forecast needs:
 * how long a call holds its permit, and how long the tools after it hold the slot. O(1) a message.
 */
export class Experience {
  readonly #attempts: Attempts;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #durations = new Durations();
  readonly #tracks = new WeakMap<Attempt, Track>();

  constructor(attempts: Attempts, clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#attempts = attempts;
    this.#clock = clock;
  }

  /** The same events, listened to on their way. */
  listening(events: DispatchEvents): DispatchEvents {
    return {
      messages: (batch) => {
        for (const message of batch) this.#hear(message);
        events.messages(batch);
      },
      begins: (ref) => events.begins?.(ref),
      lost: (ref, reason, suspect) => events.lost(ref, reason, suspect),
    };
  }

  /** Turns of an attempt that have ended well, and since when it works without a model; null: it calls one, or has not ended a turn. */
  trackOf(attempt: Attempt): {
    readonly turns: number;
    readonly workingSince: number | null;
  } {
    const track = this.#tracks.get(attempt);
    return { turns: track?.turns.length ?? 0, workingSince: track?.workingSince ?? null };
  }

  /** What an attempt should take: by what this engine has seen of the agent, else by what earlier runs say, else by others. */
  expected({ registered, mode, speed }: Worker, past: Past | null): ExpectedAttempt {
    const own = this.#durations.expected(registered.name, mode);
    const earlier = past?.durations.expected(registered.name, mode);
    const isOwn = !earlier || sources.indexOf(own.source) <= sources.indexOf(earlier.source);
    if (isOwn && own.source !== 'assumed') return own;
    // The journal has simulated calls with the time that real ones would take.
    return hastened(isOwn ? own : earlier, speed);
  }

  #hear(message: FromThread): void {
    if (message.kind !== 'turn' && message.kind !== 'permit' && message.kind !== 'done') return;
    const attempt = this.#attempts.at(message.ref);
    if (!attempt) return;
    if (message.kind === 'turn') this.#turnEnded(attempt, message);
    else if (message.kind === 'permit') this.#workedOn(attempt);
    else if (message.done.kind === 'succeeded') this.#learn(attempt);
  }

  #turnEnded(attempt: Attempt, { done }: Extract<FromThread, { kind: 'turn' }>): void {
    const { call } = attempt;
    if (!call || !done.usage || done.error) return;
    const now = this.#clock.monotonic();
    const { input, output } = done.usage;
    const ms = now - call.grant.permit.at;
    const track = this.#trackOf(attempt);
    track.turns.push({ ms, thenMs: null, input, output, bytes: call.wish.bytes });
    track.workingSince = now;
  }

  #workedOn(attempt: Attempt): void {
    const track = this.#trackOf(attempt);
    const last = track.turns.at(-1);
    if (!last || track.workingSince === null) return;
    last.thenMs = this.#clock.monotonic() - track.workingSince;
    track.workingSince = null;
  }

  #learn(attempt: Attempt): void {
    this.#workedOn(attempt);
    const { mode, step, registered, recorded } = attempt;
    const { turns } = this.#trackOf(attempt);
    // One that went on from the turns of another is a part of an attempt; one without a turn that wanted a model says nothing.
    if (recorded > 0 || (mode !== 'playbook' && turns.length === 0)) return;
    const now = this.#clock.now();
    const ownMs = mode === 'playbook' ? now - (step.startedAt ?? now) : 0;
    this.#durations.learn({ agent: registered.name, mode, turns, ownMs });
  }

  #trackOf(attempt: Attempt): Track {
    let track = this.#tracks.get(attempt);
    if (!track) {
      track = { turns: [], workingSince: null };
      this.#tracks.set(attempt, track);
    }
    return track;
  }
}
