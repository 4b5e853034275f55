import { defineTool, EngineError, Id, Money, z } from 'tutti';
import { ledgerOf, valuationTolerance, valueCompany } from '../valuation.ts';

/** A difference between stock and ledger, written down for the controller. */
export const draftVariance = defineTool({
  name: 'inventory.variance.draft',
  description:
    'Drafts the difference between a company’s stock value and its inventory account for the controller to explain, unless a draft of the same difference waits for that. Nothing is posted.',
  effect: 'propose',
  undo: { action: 'dismiss' },
  category: 'valuation',
  duty: 'report_variance',
  timeoutMs: 240_000,
  parameters: z.object({ company: z.string() }),
  result: z.object({ variance: Id('valuation_variance'), version: z.string(), difference: Money }),
  key: ({ company }) => [company],
  scope: 'run',
}).handler(async ({ company }, { erp, today, key }) => {
  const [stock, ledger] = await Promise.all([
    valueCompany(erp, { company, today }),
    ledgerOf(erp, company),
  ]);
  const difference = Money.minus(stock.total, ledger.balance);
  const account = ledger.accounts[0];
  const tolerance = Money.of(valuationTolerance, difference.currency);
  if (!account) {
    throw new EngineError(
      'ERP_REJECTED',
      `Company ${company} has no account with the control 'inventory'; add it to its chart before its stock is compared.`,
    );
  }
  if (!Money.isAbove(Money.abs(difference), tolerance)) {
    throw new EngineError(
      'ERP_REJECTED',
      `Stock and ledger of ${company} differ by ${difference.amount} ${difference.currency}, within the tolerance of ${valuationTolerance}; there is nothing to explain.`,
    );
  }
  const { id, version } = await erp.valuation_variance.findOrCreate(
    { company },
    (variances) =>
      variances.find(
        ({ status, stockValue, ledgerBalance }) =>
          status === 'draft' && Money.equals(Money.minus(stockValue, ledgerBalance), difference),
      ) ?? {
        number: `SV-${key.slice(0, 12)}`,
        account: account.id,
        date: today,
        stockValue: stock.total,
        ledgerBalance: ledger.balance,
        status: 'draft',
      },
  );
  return { variance: id, version, difference };
});
