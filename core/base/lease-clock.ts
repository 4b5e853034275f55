/** Nanoseconds of the machine's monotonic clock: the same in every thread and process of this machine, and it runs on while a process is stopped. */
export const monotonicNs = (): bigint => process.hrtime.bigint();

/**
 * Until when this engine surely holds its lease, in memory that its threads share. Whoever is about to do something outside
 * that cannot be taken back asks it last: a process that was stopped for longer than its lease must not go on where it was.
 */
export class LeaseClock {
  readonly shared: SharedArrayBuffer;
  readonly #until: BigInt64Array;

  constructor(shared = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#until = new BigInt64Array(shared);
  }

  /** A moment of `monotonicNs`; 0 before the lease is taken, and once it is lost. */
  get untilNs(): bigint {
    return Atomics.load(this.#until, 0);
  }

  set untilNs(moment: bigint) {
    Atomics.store(this.#until, 0, moment);
  }

  get isHeld(): boolean {
    return monotonicNs() < this.untilNs;
  }
}
