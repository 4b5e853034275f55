/*
 * Several records in one call of a model: what is unusual among a supplier's bills shows only beside its others, and twenty of them in
 * one step are paid with one set of instructions. The workflow stands in batching.yaml.
 *
 *   npx tutti run batching --config examples/batching.ts
 *   npx tutti plan batching --config examples/batching.ts
 */
import { Decimal, defineAgent, defineConfig, defineModule, Money, workflowFile, z } from 'tutti';
import { finance } from '../modules/finance/index.ts';
import { inventory } from '../modules/inventory/index.ts';

const bill = z.object({ id: z.string(), number: z.string(), total: Money });

/** Hands in one result a bill, with the bill's key: the engine sees to it that none is missing. */
const outlierReview = defineAgent({
  name: 'outlier_review',
  purpose: "Tells which of a supplier's bills is far above its others.",
  model: 'fast',
  critical: false,
  input: z.object({ bills: z.array(bill) }),
  output: z.object({ results: z.array(z.object({ key: z.string(), unusual: z.boolean() })) }),
  tools: {},
  findings: { 'bill.unusual': "A bill of more than five times what is usual among a supplier's." },
  instructions:
    "Look at all bills of the supplier together. A bill is unusual when its total is above five times the middle one of the others. Hand in one result for each bill, its key being the bill's id, and report each unusual one.",
}).playbook(async ({ input: { bills }, finding }) => {
  const inOrder = bills.toSorted((a, b) => Decimal.compare(a.total.amount, b.total.amount));
  const usual = inOrder[Math.floor((inOrder.length - 1) / 2)]?.total ?? Money.of('0', 'EUR');
  return {
    results: bills.map(({ id, number, total }) => {
      const unusual = Money.isAbove(total, Money.times(usual, '5'));
      if (unusual)
        finding({
          kind: 'bill.unusual',
          severity: 'medium',
          records: [{ entity: 'bill', id }],
          amount: total,
          summary: `Bill ${number} is far above what its supplier usually bills.`,
          evidence: { total: total.amount, usual: usual.amount, among: bills.length },
        });
      return { key: id, unusual };
    }),
  };
});

const desk = defineModule({ name: 'desk', version: '1.0.0', agents: [outlierReview] });

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [finance, inventory, desk],
  workflows: [workflowFile(new URL('./batching.yaml', import.meta.url))],
});
