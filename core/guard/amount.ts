import { Day } from '../base/day.ts';
import { EngineError } from '../base/errors.ts';
import { Decimal, Money } from '../base/money.ts';
import { matches } from '../sdk/policy/policy.ts';
import type { ToolContext } from '../sdk/tool.ts';
import type { AmountFact } from './facts.ts';
import { ask, issues } from './handler.ts';
import type { Call } from './scope.ts';

/** Days over which a rate stays good: central banks publish none on weekends and holidays, over Easter for four days in a row. */
const freshDays = 7;

/**
 * The money that a call moves, with the rates that tell it from the amounts of tiers. Null where no tier for the tool names an amount,
 * and for what moves no money: then nobody is asked anything.
 * @throws TOOL_RESULT_INVALID for what is no money · what the tool or the ERP throws
 */
export async function amountOf(call: Call, args: unknown): Promise<AmountFact | null> {
  const { tool, policies } = call;
  const amounts = policies
    .flatMap((policy) => policy.tiers ?? [])
    .filter(({ tools }) => matches(tools, tool.name))
    .flatMap(({ above }) => above ?? []);
  if (!tool.amount || tool.effect === 'read' || amounts.length === 0) return null;
  return await ask(call, async (context) => {
    const found: unknown = await tool.amount?.(args, context);
    if (found === null) return null;
    const money = Money.abs(parseMoney(found, tool.name));
    const currencies = new Set([money, ...amounts].map(({ currency }) => currency));
    const rates = currencies.size === 1 ? {} : await ratesOf([...currencies], call, context);
    return { money, rates };
  });
}

function parseMoney(found: unknown, tool: string): Money {
  const parsed = Money.safeParse(found);
  if (parsed.success) return parsed.data;
  throw new EngineError(
    'TOOL_RESULT_INVALID',
    `Tool '${tool}' names an amount that is none: ${issues(parsed.error)}.`,
  );
}

/**
 * What one unit of each currency is worth in the group's, by its latest rate of the seven days up to the business date; null where there
 * is none. Two amounts are compared through the group's currency, whatever rates there are directly between the two:
 * a × rate(A) against b × rate(B).
 */
async function ratesOf(
  currencies: readonly string[],
  { scope }: Call,
  { erp, today }: ToolContext,
): Promise<AmountFact['rates']> {
  const none = Object.fromEntries(currencies.map((currency) => [currency, null]));
  const { entities } = await scope.connector.describe();
  if (!entities.exchange_rate) return none;
  const rows = await erp.exchange_rate.list(
    { currency: { in: currencies }, date: { gt: Day.add(today, -freshDays), lte: today } },
    { order: [{ field: 'date' }] },
  );
  // The latest comes last and stays. A rate that is not above zero compares nothing.
  const known = rows.map(({ currency, rate }) => [
    currency,
    Decimal.isAbove(rate, '0') ? rate : null,
  ]);
  return { ...none, ...Object.fromEntries(known) };
}
