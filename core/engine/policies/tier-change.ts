import { Decimal, Money } from '../../base/money.ts';
import type { AmountFact, Facts } from '../../guard/facts.ts';
import { tier } from '../../guard/rules/tier.ts';
import type { Risk, Terms, Tier } from '../../sdk/policy/tier.ts';
import type { Direction } from './change.ts';

/** A call as far as tiers look at it. */
export interface TierCall {
  readonly agent: string;
  readonly tool: string;
  /** Of the run and of the books that it posts to. */
  readonly companies: readonly string[];
  readonly risk: Risk;
  readonly amount: AmountFact | null;
}

/** What tiers ask: nothing, people, or the impossible. */
export type Asked = Terms | 'refused' | null;

/** What tiers ask of a call: the guard's own rule says so. */
export function askedBy(tiers: readonly Tier[], call: TierCall): Asked {
  const { agent, tool, companies, risk, amount } = call;
  const [company = null, books] = companies;
  const posting = books === undefined ? null : { ...anyPosting, company: books };
  const policies = [{ kind: 'policy', name: 'compared', grants: [], tiers } as const];
  const ruling = tier({ ...anyFacts, agent, tool, company, posting, risk, amount, policies });
  if (ruling === null) return null;
  return 'terms' in ruling && ruling.terms ? ruling.terms : 'refused';
}

const anyPosting = { date: '2026-01-01', period: null, ledger: 'gl', state: 'open' } as const;
const anyFacts: Omit<
  Facts,
  'agent' | 'tool' | 'company' | 'policies' | 'posting' | 'risk' | 'amount'
> = {
  ...{ agentModule: '', toolModule: '', effect: 'write', listed: true, access: 'module' },
  ...{ granted: true, attended: true, rehearsal: false, lineage: null, trust: 'operator' },
  ...{ grounded: undefined, autonomy: [], shadow: false },
};

/** In which directions what is asked has moved: more people at an earlier moment, or for longer, or fewer yeses are wider. */
export function directionsOf(before: Asked, after: Asked): readonly Direction[] {
  if (before === null || after === null || before === 'refused' || after === 'refused') {
    const moved = rank(after) - rank(before);
    return moved === 0 ? [] : [moved < 0 ? 'wider' : 'stricter'];
  }
  const persons = [before, after].flatMap(({ by, escalate }) => [...by, ...(escalate?.to ?? [])]);
  const moves = [
    after.required - before.required,
    before.expiresMs - after.expiresMs,
    ...persons.map((each) => sign(fromMs(after, each), fromMs(before, each))),
  ];
  return [
    ...(moves.some((move) => move < 0) ? ['wider' as const] : []),
    ...(moves.some((move) => move > 0) ? ['stricter' as const] : []),
  ];
}

function rank(asked: Asked): number {
  return asked === null ? 0 : asked === 'refused' ? 2 : 1;
}

/** From how long after the question on somebody may decide. */
function fromMs({ by, escalate }: Terms, person: string): number {
  if (by.includes(person)) return 0;
  return escalate?.to.includes(person) ? escalate.afterMs : Number.POSITIVE_INFINITY;
}

function sign(one: number, other: number): number {
  return one < other ? -1 : Number(one > other);
}

/** What lies on either side of a rate at which two amounts are worth the same. */
const nearby = ['0.999999999', '1', '1.000000001'];

/**
 * Amounts of each kind that tiers tell apart, under every order that rates can bring their limits into: none, nothing, and each limit. Null
 * where limits stand in more than two currencies, which nobody compares here.
 */
export function amountsOf(tiers: readonly Tier[]): readonly (AmountFact | null)[] | null {
  const limits = tiers.flatMap(({ above }) => above ?? []);
  const [first, second, third] = [...new Set(limits.map(({ currency }) => currency))];
  if (first === undefined) return [null];
  if (third !== undefined) return null;
  const amounts = [...limits, Money.zero(first)];
  const rates = second === undefined ? [{}] : ratesOf(limits, [first, second]);
  return [null, ...rates.flatMap((each) => amounts.map((money) => ({ money, rates: each })))];
}

function ratesOf(
  limits: readonly Money[],
  [first, second]: readonly [string, string],
): readonly AmountFact['rates'][] {
  const of = (currency: string): readonly string[] =>
    limits
      .filter((each) => each.currency === currency && Decimal.isAbove(each.amount, '0'))
      .map(({ amount }) => amount);
  // One unit of the first is worth as many of the second as makes two limits the same.
  const equal = of(first).flatMap((one) => of(second).map((other) => [other, one] as const));
  const known = [['1', '1'] as const, ...equal].flatMap(([one, other]) =>
    nearby.map((factor) => ({ [first]: Decimal.times(one, factor), [second]: other })),
  );
  return [...known, { [first]: '1', [second]: null }, { [first]: null, [second]: '1' }];
}
