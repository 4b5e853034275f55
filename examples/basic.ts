/*
 * The smallest whole Tutti in one file: a tool, an agent with a playbook, and a workflow of two steps. No key and no network.
 *
 *   npx tutti run basic --config examples/basic.ts
 *   npx tutti run basic --config examples/basic.ts --input '{"invoices":["INV-1","INV-3"]}'
 *   npx tutti findings --config examples/basic.ts
 */
import { defineAgent, defineConfig, defineModule, defineTool, defineWorkflow, z } from 'tutti';

const amounts: Readonly<Record<string, number>> = { 'INV-1': 120, 'INV-2': 0, 'INV-3': 99_000 };

/** Reads. A tool that writes also says its business key, and how it is taken back. */
const readInvoice = defineTool({
  name: 'desk.invoice.read',
  description: 'Returns the amount of an invoice in whole euros.',
  effect: 'read',
  parameters: z.object({ number: z.string() }),
  result: z.object({ amount: z.int() }),
}).handler(async ({ number }) => ({ amount: amounts[number] ?? 0 }));

/** With the key of a model it follows its instructions; without one, its playbook. Both call the same guarded tools. */
const checkInvoice = defineAgent({
  name: 'check_invoice',
  purpose: 'Tells whether an invoice needs a second look.',
  input: z.object({ number: z.string() }),
  output: z.object({ number: z.string(), suspicious: z.boolean() }),
  tools: { readInvoice },
  findings: { 'invoice.unusual': 'An amount that a person should look at.' },
  instructions: 'Read the invoice. It is suspicious when its amount is zero or above 50,000 euros.',
}).playbook(async ({ input, tools, finding }) => {
  const { amount } = await tools.readInvoice(input);
  const suspicious = amount === 0 || amount > 50_000;
  if (suspicious)
    finding({
      kind: 'invoice.unusual',
      severity: 'medium',
      records: [],
      summary: `Invoice ${input.number} is of ${amount} euros.`,
      evidence: { number: input.number, amount },
    });
  return { ...input, suspicious };
});

const desk = defineModule({
  name: 'desk',
  version: '1.0.0',
  tools: [readInvoice],
  agents: [checkInvoice],
});

/** The graph function runs once, when the workflow loads, and becomes data: what a node refers to, it waits for. */
const basic = defineWorkflow({
  name: 'basic',
  description: 'Checks each invoice, and brings the results together.',
  input: z.object({ invoices: z.array(z.string()).default(['INV-1', 'INV-2', 'INV-3']) }),
  graph({ input, foreach, compute }) {
    const checks = foreach({
      id: 'checks',
      items: input.invoices,
      key: (number) => number,
      agent: checkInvoice,
      input: (number) => ({ number }),
    });
    const result = compute({
      id: 'result',
      from: [checks],
      value: ({ items, missing }) => ({ checked: items, missing }),
    });
    return result.output;
  },
});

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({ modules: [desk], workflows: [basic] });
