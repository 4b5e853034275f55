/** What two clocks may differ by in their pace: a thousandth, twice as much as the system ever lets one run ahead. */
const paceOf = 1_000n;

/**
 * Makes moments of an engine's monotonic clock ones of this machine's. What an engine answered was said after it was asked, so its clock
 * showed at most what the answer says when the question left: whatever time question and answer take on their way, a moment made of it
 * is never later than the engine's, only earlier.
 */
export class EngineTime {
  /** What the engine's clock was ahead by at most, ns, and by our clock when. */
  #known: { readonly aheadNs: bigint; readonly asOfNs: bigint } | null = null;

  /** `askedNs`: our clock when the question left; `saidNs`: the engine's when it answered. */
  learn({ askedNs, saidNs }: { readonly askedNs: bigint; readonly saidNs: bigint }): void {
    const seen = saidNs - askedNs;
    const before = this.#known;
    const aheadNs = before && before.aheadNs + strayed(askedNs - before.asOfNs);
    // The answer that was quickest says most, until it is too old to be sure of.
    this.#known = { aheadNs: aheadNs !== null && aheadNs < seen ? aheadNs : seen, asOfNs: askedNs };
  }

  /** Our moment that is no later than this one of the engine's. 0, which is over, before anything is known. */
  own(momentNs: bigint): bigint {
    if (!this.#known) return 0n;
    const { aheadNs, asOfNs } = this.#known;
    const leftNs = momentNs - aheadNs - asOfNs;
    return asOfNs + leftNs - strayed(leftNs);
  }

  /** The same of milliseconds, which may be endless. */
  ownMs(momentMs: number): number {
    if (!Number.isFinite(momentMs)) return momentMs;
    return Number(this.own(BigInt(Math.floor(momentMs * 1e6)))) / 1e6;
  }
}

/** What the two clocks may have come apart by in so long. */
function strayed(passedNs: bigint): bigint {
  return passedNs > 0n ? passedNs / paceOf + 1n : 0n;
}
