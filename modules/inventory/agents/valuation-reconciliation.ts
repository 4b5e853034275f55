import { defineAgent, type FindingInput, Money, z } from 'tutti';
import { portionsOf } from '../portions.ts';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { draftVariance } from '../tools/draft-variance.ts';
import { getLedgerBalance } from '../tools/get-ledger-balance.ts';
import { planCount, productsAtOnce } from '../tools/plan-count.ts';
import { valueStock } from '../tools/value-stock.ts';
import type { CompanyValuation, DriftedLevel } from '../valuation.ts';

/** Ties a company's stock to its ledger, and its levels to their moves. */
export const valuationReconciliation = defineAgent({
  name: 'valuation_reconciliation',
  purpose: 'Compares the value of a company’s stock with its ledger and its stock with its moves.',
  input: z.object({ company: z.string() }),
  output: Tally.extend({ stock: Money, ledger: Money }),
  model: 'standard',
  priority: 6,
  critical: true,
  limits: { timeoutMs: 300_000, turns: 8, costMicroUsd: 600_000, attempts: 2 },
  tools: { valueStock, getLedgerBalance, draftVariance, planCount },
  findings: {
    'valuation.ledger':
      'The inventory control account differs from the value of the stock beyond the tolerance.',
    'valuation.moves': 'A stock level is not the sum of its moves.',
    'valuation.no_cost':
      'Stock whose product has no standard cost, so that it counts as worthless.',
  },
  instructions: `1. Call inventory.stock.value and inventory.ledger.balance with the company.
2. difference = total minus balance, without its sign. Above the tolerance: report one valuation.ledger; records: the control accounts in the order given, at most three; amount: the difference; then, if there is a control account, call inventory.variance.draft once with the company. Equal to the tolerance is in order.
3. Report valuation.moves for each entry of drifted; records: [stock_level: level], or, when level is null, [product, warehouse]; amount: its value. For each warehouse with such entries whose planned is false call inventory.count.plan once with their products; with more than ${productsAtOnce}, once for each ${productsAtOnce}.
4. Report valuation.no_cost for each entry of costless; records: [stock_level: level]; severity medium; no amount.
Company of every finding: the one of your input. ${severityRule}
Answer with checked as valued, flagged = findings, exposure = the amounts of all findings added up by currency, stock = total, ledger = balance.
Never explain a difference away.`,
}).playbook(async ({ input, tools, finding }) => {
  const { company } = input;
  const [stock, ledger] = await Promise.all([
    tools.valueStock({ company }),
    tools.getLedgerBalance({ company }),
  ]);
  const findings: FindingInput[] = [];
  const difference = Money.abs(Money.minus(stock.total, ledger.balance));
  if (Money.isAbove(difference, stock.tolerance)) {
    findings.push({
      kind: 'valuation.ledger',
      severity: severityOf(difference),
      company,
      records: ledger.accounts.slice(0, 3).map(({ id }) => ({ entity: 'account', id })),
      amount: difference,
      summary: `Stock of ${company} is worth ${stock.total.amount}, the ledger says ${ledger.balance.amount} ${difference.currency}.`,
      evidence: Object.fromEntries(
        stock.warehouses.slice(0, 20).map((each) => [each.code, each.value.amount]),
      ),
    });
    if (ledger.accounts.length > 0) await tools.draftVariance({ company });
  }
  findings.push(...stock.drifted.map((drift) => driftFinding(company, drift)));
  const uncounted = stock.drifted.filter((drift) => !drift.planned);
  for (const [warehouse, own] of Map.groupBy(uncounted, (drift) => drift.warehouse)) {
    const products = own.map((drift) => drift.product);
    for (const portion of portionsOf(products, productsAtOnce)) {
      await tools.planCount({ warehouse, products: portion });
    }
  }
  findings.push(...stock.costless.map((level) => costFinding(company, level)));
  for (const each of findings) finding(each);
  return {
    checked: stock.checked,
    flagged: findings.length,
    exposure: Money.sumByCurrency(findings.flatMap((each) => each.amount ?? [])),
    stock: stock.total,
    ledger: ledger.balance,
  };
});

function driftFinding(company: string, drift: DriftedLevel): FindingInput {
  return {
    kind: 'valuation.moves',
    severity: severityOf(drift.value),
    company,
    records: drift.level
      ? [{ entity: 'stock_level', id: drift.level }]
      : [
          { entity: 'product', id: drift.product },
          { entity: 'warehouse', id: drift.warehouse },
        ],
    amount: drift.value,
    summary: `Product ${drift.number} in ${drift.code}: ${drift.onHand} on hand, ${drift.moved} by its moves.`,
    evidence: { onHand: drift.onHand, moved: drift.moved },
  };
}

function costFinding(company: string, level: CompanyValuation['costless'][number]): FindingInput {
  return {
    kind: 'valuation.no_cost',
    severity: 'medium',
    company,
    records: [{ entity: 'stock_level', id: level.level }],
    summary: `Product ${level.number} has ${level.onHand} on hand in ${level.code} and no standard cost.`,
    evidence: { product: level.number, onHand: level.onHand },
  };
}
