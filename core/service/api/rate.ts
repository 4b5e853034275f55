import type { Request, RequestHandler, Response } from 'express';
import type { RateLimiterRes } from 'rate-limiter-flexible';
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import { EngineError } from '../../base/errors.ts';
import type { ApiRate } from '../../ports/api/config.ts';
import type { Principal } from '../identity/principal.ts';
import type { Route } from './route.ts';

/** What a request that starts work costs, or one that is as much work at once, where one that reads costs 1. */
export const startCost = 5;

/** What a route costs of its caller's rate. */
export function costOf({ cost, key }: Pick<Route, 'cost' | 'key'>): number {
  return cost ?? (key === 'required' ? startCost : 1);
}

/** Rates by their names; `usual` is everybody's who has no other. */
export type Rates = Readonly<Record<string, ApiRate>> & { readonly usual: ApiRate };

/** By whom a request is counted, and against which rate. */
export interface Counted {
  readonly client: string;
  readonly rate: Rate;
}

/** One limit of a rate, by its name in the headers. */
interface Policy {
  readonly name: string;
  readonly points: number;
  readonly windowSeconds: number;
  readonly limiter: RateLimiterMemory;
}

/** A policy with what a client has left of it. */
interface State {
  readonly policy: Policy;
  readonly isWithin: boolean;
  readonly left: number;
  readonly seconds: number;
}

/**
 * Counts what clients use of one rate, in windows of a minute and of a day that begin with a client's first request, and says so in the
 * headers of draft-ietf-httpapi-ratelimit-headers-11. Each process counts by itself.
 */
export class Rate {
  readonly perMinute: number;
  readonly #policies: readonly Policy[];
  readonly #told: string;

  constructor({ perMinute, perDay }: ApiRate) {
    this.perMinute = perMinute;
    this.#policies = [
      policyOf('perminute', perMinute, 60),
      ...(perDay === undefined ? [] : [policyOf('perday', perDay, 86_400)]),
    ];
    this.#told = this.#policies
      .map(({ name, points, windowSeconds }) => `"${name}";q=${points};w=${windowSeconds}`)
      .join(', ');
  }

  /** Uses points of a client's. @throws RATE_LIMITED */
  async use(client: string, points: number, response: Response): Promise<void> {
    response.set('RateLimit-Policy', this.#told);
    const states: State[] = [];
    // What is beyond a minute's limit is not counted against the day's.
    for (const policy of this.#policies)
      if (states.every(({ isWithin }) => isWithin))
        states.push(await consume(policy, client, points));
    const tightest = states.reduce(tighter);
    const { policy, left, seconds, isWithin } = tightest;
    response.set('RateLimit', `"${policy.name}";r=${left};t=${seconds}`);
    if (isWithin) return;
    const span = policy.windowSeconds === 60 ? 'a minute' : 'a day';
    throw new EngineError(
      'RATE_LIMITED',
      `More than ${policy.points} requests in ${span}, of which one that starts work counts as several; go on in ${seconds} s.`,
      { details: { retryAfterSeconds: seconds, violated: [policy.name] } },
    );
  }
}

/** Counts each request as one; a route that costs more asks for the rest with `chargeMore`. @throws RATE_LIMITED */
export function limitRate(
  countedBy: (request: Request, response: Response) => Counted,
): RequestHandler {
  return async (request, response, next) => {
    const { client, rate } = countedBy(request, response);
    response.locals.charge = (points: number) => rate.use(client, points, response);
    await rate.use(client, 1, response);
    next();
  };
}

/** Counts what a request costs beyond one; nothing where requests are not counted. @throws RATE_LIMITED */
export async function chargeMore({ locals }: Response, points: number): Promise<void> {
  const charge = locals.charge as ((points: number) => Promise<void>) | undefined;
  if (charge && points > 0) await charge(points);
}

/** Counts callers by the rate that their key names, or that is called as one of their roles; who is nobody, by address. */
export function countCallers(rates: Rates): (request: Request, response: Response) => Counted {
  const byName = new Map(Object.entries(rates).map(([name, rate]) => [name, new Rate(rate)]));
  const usual = byName.get('usual') as Rate;
  // Addresses are many, and nobody keeps a day's worth of them.
  const strangers = new Rate({ perMinute: rates.usual.perMinute });
  return ({ ip = '' }, { locals }) => {
    const principal = locals.principal as Principal | undefined;
    if (!principal) return { client: ip, rate: strangers };
    return { client: principal.id, rate: rateOf(principal, byName) ?? usual };
  };
}

function rateOf({ rate, roles }: Principal, byName: ReadonlyMap<string, Rate>): Rate | undefined {
  const own = rate === undefined ? undefined : byName.get(rate);
  if (own) return own;
  const ofRoles = roles.flatMap((role) => byName.get(role) ?? []);
  return ofRoles.sort((one, other) => other.perMinute - one.perMinute)[0];
}

function policyOf(name: string, points: number, windowSeconds: number): Policy {
  const limiter = new RateLimiterMemory({ points, duration: windowSeconds });
  return { name, points, windowSeconds, limiter };
}

async function consume(policy: Policy, client: string, points: number): Promise<State> {
  let isWithin = true;
  // It rejects with the same object that it resolves with when a client has used its points up.
  const state = await policy.limiter.consume(client, points).catch((refused: RateLimiterRes) => {
    isWithin = false;
    return refused;
  });
  const seconds = Math.max(1, Math.ceil(state.msBeforeNext / 1_000));
  return { policy, isWithin, left: Math.max(0, state.remainingPoints), seconds };
}

/** The one that stops a client first: of two, that which has stopped it, or has less left. */
function tighter(one: State, other: State): State {
  if (one.isWithin !== other.isWithin) return one.isWithin ? other : one;
  return other.left < one.left ? other : one;
}
