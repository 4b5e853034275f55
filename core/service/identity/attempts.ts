import type { RateLimiterRes } from 'rate-limiter-flexible';
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import type { Clock } from '../../base/clock.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { Remembered } from './remembered.ts';

/** What fails a minute from one address before nobody strange is looked up for it any more. */
const mostFailures = 100;
const windowSeconds = 60;
/** Who was let in is looked up whatever their neighbours do: behind one proxy everybody has the same address. */
const welcomeMs = 600_000;

/** Counts what fails by address, so that strangers who guess cost the database little. */
export class Attempts<T> {
  readonly #limiter = new RateLimiterMemory({ points: mostFailures, duration: windowSeconds });
  readonly #welcome: Remembered<true>;
  // A client that begins with many requests at once is looked up once.
  readonly #underWay = new Map<string, Promise<T>>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#welcome = new Remembered({ clock, forMs: welcomeMs });
  }

  /** What `check` finds; it is not asked for a stranger from an address where too much has failed. @throws RATE_LIMITED · what `check` throws */
  guard(
    { address, credential }: { readonly address: string; readonly credential: string },
    check: () => Promise<T>,
  ): Promise<T> {
    // By its digest: no credential stays in memory.
    const name = digest(credential).toString('base64');
    const place = `${address} ${name}`;
    const underWay = this.#underWay.get(place);
    if (underWay !== undefined) return underWay;
    const found = (
      this.#welcome.has(name)
        ? this.#known(address, check)
        : this.#strange({ address, name }, check)
    ).finally(() => this.#underWay.delete(place));
    this.#underWay.set(place, found);
    return found;
  }

  async #known(address: string, check: () => Promise<T>): Promise<T> {
    return await check().catch(async (error: unknown) => {
      if (isRefusal(error)) await this.#limiter.penalty(address);
      throw error;
    });
  }

  async #strange(
    { address, name }: { readonly address: string; readonly name: string },
    check: () => Promise<T>,
  ): Promise<T> {
    // Before the look-up, so that a thousand at once are not all looked up; what succeeds gets it back.
    await this.#limiter.consume(address).catch((state: RateLimiterRes) => {
      throw tooMany(state);
    });
    const found = await check().catch(async (error: unknown) => {
      if (!isRefusal(error)) await this.#limiter.reward(address);
      throw error;
    });
    await this.#limiter.reward(address);
    await this.#welcome.get(name, async () => true);
    return found;
  }
}

/** Whether it is the credential that is wrong. */
function isRefusal(error: unknown): boolean {
  return (
    isEngineError(error) &&
    ['UNAUTHENTICATED', 'TOKEN_REFUSED', 'SESSION_ENDED'].includes(error.code)
  );
}

function tooMany({ msBeforeNext }: RateLimiterRes): EngineError {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1_000));
  return new EngineError(
    'RATE_LIMITED',
    `Too many keys and tokens from this address were refused; go on in ${seconds} s.`,
    { details: { retryAfterSeconds: seconds, violated: ['failedattempts'] } },
  );
}
