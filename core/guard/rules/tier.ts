import { durationMs } from '../../base/duration.ts';
import { Decimal, Money } from '../../base/money.ts';
import { matches } from '../../sdk/policy/policy.ts';
import type { Risk, Terms, Tier } from '../../sdk/policy/tier.ts';
import { isReversal } from '../../sdk/reversal.ts';
import type { AmountFact, Facts } from '../facts.ts';
import { type Ruling, refuse } from '../ruling.ts';

/*
 * Which tiers a call falls into, and what they ask together. Amounts of two currencies are compared as
 *   amount × rate(its currency) ≥ above × rate(the tier's),
 * each rate being what one unit is worth in the group's currency, so that nothing is divided and nothing rounded.
 */

/** What asks for a person: one question that meets every tier that the call falls into. */
export function tier(facts: Facts): Ruling | null {
  if (facts.effect === 'read') return null;
  const tiers = facts.policies
    .flatMap((policy) => policy.tiers ?? [])
    .filter((each) => isOf(each, facts) && isReached(each, facts))
    // A tier for everything is for what is done; one for what is taken back names it.
    .filter((each) => each.tools !== undefined || !isReversal(facts));
  if (tiers.length === 0) return null;
  const rates = facts.amount?.rates ?? {};
  const incomparable = tiers.find((each) => tiers.some((other) => !haveRate(each, other, rates)));
  if (incomparable) return withoutRate(facts, incomparable.above as Money);
  const unrated = unratedFor(tiers, facts.amount);
  const strictest = tiers.reduce((one, other) => (isStricter(other, one, rates) ? other : one));
  const terms = { ...together(tiers, strictest), ...(unrated.length > 0 && { unrated }) };
  const policy = facts.policies.find((each) => each.tiers?.includes(strictest));
  const kind = facts.attended ? 'approve' : 'propose';
  return { kind, rule: `tier.${terms.tier}`, terms, policy };
}

/**
 * Whether a tier is about the call: one for an agent is also about what others do for it. What is granted for some companies is not
 * granted to a run over the whole group; what is asked for some is asked of it, too.
 */
function isOf(
  { agents, tools, companies }: Tier,
  { agent, delegators = [], tool, company, posting }: Facts,
): boolean {
  if (!matches(tools, tool)) return false;
  if (![agent, ...delegators].some((each) => matches(agents, each))) return false;
  const known = [company, posting?.company].filter((each) => typeof each === 'string');
  return known.length === 0 || known.some((each) => matches(companies, each));
}

const risks: readonly Risk[] = ['low', 'normal', 'high'];

/** Whether a call is of the tier's risk and amount. An amount that cannot be told in the tier's currency counts as above. */
function isReached({ above, risk = 'low' }: Tier, facts: Facts): boolean {
  if (risks.indexOf(facts.risk) < risks.indexOf(risk)) return false;
  if (!above) return true;
  if (!facts.amount) return false;
  const { money, rates } = facts.amount;
  return (compareWorth(money, above, rates) ?? 1) >= 0;
}

/** Which of two amounts is worth more, exactly; null where there is no rate to tell by. */
function compareWorth(one: Money, other: Money, rates: AmountFact['rates']): -1 | 0 | 1 | null {
  if (one.currency === other.currency) return Money.compare(one, other);
  const [first, second] = [rates[one.currency] ?? null, rates[other.currency] ?? null];
  if (first === null || second === null) return null;
  return Decimal.compare(Decimal.times(one.amount, first), Decimal.times(other.amount, second));
}

/** The currencies for lack of whose rate an amount counts as above. */
function unratedFor(tiers: readonly Tier[], amount: AmountFact | null): readonly string[] {
  if (!amount) return [];
  const { money, rates } = amount;
  const untold = tiers.flatMap(({ above }) =>
    above && compareWorth(money, above, rates) === null ? [above.currency, money.currency] : [],
  );
  return [...new Set(untold)].filter((each) => (rates[each] ?? null) === null).toSorted();
}

function haveRate({ above }: Tier, other: Tier, rates: AmountFact['rates']): boolean {
  return !above || !other.above || compareWorth(above, other.above, rates) !== null;
}

function withoutRate({ tool, amount }: Facts, { currency }: Money): Ruling {
  return refuse(
    'tier.rate',
    `Nobody can say who must agree to '${tool}' over ${amount?.money.amount} ${amount?.money.currency}: tiers in ${currency} and in another currency ask for different people, and no exchange rate compares them; enter one.`,
  );
}

/** One question for all: the most yeses, the shortest time, and the deciders of the strictest tier. */
function together(tiers: readonly Tier[], strictest: Tier): Terms {
  const { name, by, escalate } = strictest;
  const expiresMs = Math.min(...tiers.map(({ expires = 'P7D' }) => durationMs(expires)));
  const afterMs = escalate ? durationMs(escalate.after) : expiresMs;
  return {
    tier: name,
    by,
    required: Math.max(...tiers.map(({ required = 1 }) => required)),
    expiresMs,
    ...(escalate && afterMs < expiresMs && { escalate: { afterMs, to: escalate.to } }),
  };
}

/** By amount, then risk, then yeses. The rest only settles ties the same way in whatever order tiers are declared. */
function isStricter(one: Tier, other: Tier, rates: AmountFact['rates']): boolean {
  const order =
    compareAbove(one, other, rates) ||
    risks.indexOf(one.risk ?? 'low') - risks.indexOf(other.risk ?? 'low') ||
    (one.required ?? 1) - (other.required ?? 1) ||
    compareText(JSON.stringify([other.name, other.by]), JSON.stringify([one.name, one.by]));
  return order > 0;
}

/** A tier for any amount is below every other. */
function compareAbove(one: Tier, other: Tier, rates: AmountFact['rates']): number {
  if (!one.above || !other.above) return Number(!!one.above) - Number(!!other.above);
  return compareWorth(one.above, other.above, rates) ?? 0;
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
