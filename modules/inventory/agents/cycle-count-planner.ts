import { defineAgent, Id, Money, z } from 'tutti';
import { portionsOf } from '../portions.ts';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { planCount, productsAtOnce } from '../tools/plan-count.ts';
import { scanCounts } from '../tools/scan-counts.ts';

/** Finds stock that nobody has counted in time. */
export const cycleCountPlanner = defineAgent({
  name: 'cycle_count_planner',
  purpose: 'Finds stock of a warehouse that is due for a count and plans one count of all of it.',
  input: z.object({ warehouse: Id('warehouse') }),
  output: Tally,
  model: 'fast',
  priority: 4,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 6, costMicroUsd: 300_000 },
  tools: { scanCounts, planCount },
  findings: {
    'count.overdue':
      'An A item was counted longer ago than its interval allows, and no count is planned.',
    'count.never_counted': 'Stock that has never been counted, and no count is planned.',
  },
  instructions: `1. Call inventory.count.scan with the warehouse. Levels whose planned is true are in order.
2. Report each other level at most once: count.never_counted when lastCountedOn is null, whatever its class; count.overdue when lastCountedOn is a day and abc is A. B and C levels with a day are no finding.
Records: [stock_level: level]. Company: the scan's. Amount: value without its sign. ${severityRule}
3. If there are levels that are not planned, findings or not, call inventory.count.plan once with the warehouse and the products of all of them; with more than ${productsAtOnce}, once for each ${productsAtOnce}.
Answer with checked as scanned, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input, tools, finding }) => {
  const scan = await tools.scanCounts({ warehouse: input.warehouse });
  const left = scan.due.filter((level) => !level.planned);
  const amounts: Money[] = [];
  for (const level of left) {
    const isUncounted = level.lastCountedOn === null;
    if (!isUncounted && level.abc !== 'A') continue;
    const amount = Money.abs(level.value);
    amounts.push(amount);
    finding({
      kind: isUncounted ? 'count.never_counted' : 'count.overdue',
      severity: severityOf(amount),
      company: scan.company,
      records: [{ entity: 'stock_level', id: level.level }],
      amount,
      summary: isUncounted
        ? `Product ${level.number} (${level.abc}) has never been counted.`
        : `Product ${level.number} (A) was last counted ${level.daysSince} days ago, on ${level.lastCountedOn}.`,
      evidence: { product: level.number, onHand: level.onHand, daysSince: level.daysSince },
    });
  }
  const uncounted = left.map((level) => level.product);
  for (const products of portionsOf(uncounted, productsAtOnce)) {
    await tools.planCount({ warehouse: input.warehouse, products });
  }
  return { checked: scan.checked, flagged: amounts.length, exposure: Money.sumByCurrency(amounts) };
});
