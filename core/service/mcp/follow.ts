import { Wake } from '../api/sse.ts';
import { countOf } from '../batch/format.ts';
import { noProgress, type Progress, readProgress, viewProgress } from '../batch/progress.ts';
import { Places } from '../places.ts';
import type { Calling, Told } from './offer.ts';
import type { McpParts } from './parts.ts';

/** Finds what no hint told: runs of another engine. */
const pollMs = 1_000;
/** A busy run is flushed hundreds of times a second; whoever follows it reads at most twenty times. */
const pauseMs = 50;
/** Requests that wait at once; each reads the database on its own. */
const largestWaits = 200;

/** A run to be followed for a time. */
export interface Followed {
  readonly runId: string;
  readonly forMs: number;
}

/** Follows runs for callers that wait. */
export class Follower {
  readonly #parts: McpParts;
  readonly #places = new Places(largestWaits);

  constructor(parts: McpParts) {
    this.#parts = parts;
  }

  /**
   * Waits for the end of a run, tells how far it is, and returns when it has ended, the time is over, the request is cancelled or the
   * server closes. @throws RATE_LIMITED when too many wait
   */
  async follow(followed: Followed, calling: Calling): Promise<void> {
    const guest = { tenantId: this.#parts.tenantId, caller: calling.caller.id };
    const leave = this.#places.take(
      guest,
      "Too many requests wait for runs, in all or of yours; ask for the run's state with get_run instead.",
    );
    const wake = new Wake();
    const signal = AbortSignal.any([calling.signal, this.#parts.closing]);
    const unfollow = this.#parts.engine.onAppend((runIds) => {
      if (runIds.has(followed.runId)) wake.poke();
    });
    signal.addEventListener('abort', wake.poke, { once: true });
    try {
      await this.#wait(followed, { ...calling, signal, wake });
    } finally {
      signal.removeEventListener('abort', wake.poke);
      unfollow();
      leave();
    }
  }

  async #wait(
    { runId, forMs }: Followed,
    { signal, tell, wake }: Omit<Calling, 'caller'> & { readonly wake: Wake },
  ): Promise<void> {
    const { clock, history, tenantId } = this.#parts;
    const until = clock.monotonic() + forMs;
    let progress = noProgress;
    let told = -1;
    while (!signal.aborted) {
      const { seq } = progress;
      progress = await readProgress(history, { tenantId, runId }, progress);
      const next = toldOf(progress, clock.now());
      // Each must be more than the one before (MCP, basic/utilities/progress).
      if (next.progress > told) await tell(next);
      told = Math.max(told, next.progress);
      if (progress.ended !== null) return;
      const leftMs = until - clock.monotonic();
      if (leftMs <= 0) return;
      if (progress.seq === seq && (await history.head(tenantId, runId)).endedAt) return;
      if (progress.seq > seq && seq > 0) await pause(this.#parts, Math.min(pauseMs, leftMs));
      await wake.next(clock, Math.min(pollMs, leftMs));
    }
  }
}

function pause({ clock }: McpParts, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

function toldOf(progress: Progress, nowMs: number): Told {
  const { ended, total, failed, findings } = viewProgress(progress, nowMs, 0);
  const found = findings.critical + findings.high + findings.medium + findings.low;
  const parts = [
    total === 0 ? 'The run waits for its start.' : `${ended} of ${countOf(total, 'agent')}`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(found > 0 ? [countOf(found, 'finding')] : []),
  ];
  return { progress: ended, ...(total > 0 && { total }), message: parts.join(', ') };
}
