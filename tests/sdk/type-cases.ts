/**
 * What the types of the SDK accept, and what they refuse. Each refusal stands below a line `@ts-expect-error CODE reason`;
 * types.test.ts sees to it that the compiler complains there, with that code, and nowhere else. Nothing here runs.
 */
import {
  all,
  defineAgent,
  defineEntity,
  defineTool,
  defineWorkflow,
  type Erp,
  eq,
  field,
  gt,
  Id,
  Money,
  query,
  type Row,
  rowSchema,
  shared,
  z,
} from 'tutti';
import { payslip } from '../../modules/hr/records.ts';

// --- entities

export const invoice = defineEntity('invoice', {
  total: field.money(),
  status: field.oneOf('draft', 'held'),
  paidOn: field.optional(field.date()),
}).withActions({
  hold: {
    data: z.object({ reason: z.enum(['price', 'quantity']) }),
    apply: (row, { reason }) =>
      row.status === 'draft' && reason === 'price' ? { status: 'held' } : { refuse: 'no' },
  },
});

defineEntity('invoice', { status: field.oneOf('draft', 'held') }).withActions({
  // @ts-expect-error 2322 an action sets no status that the entity does not declare
  lose: { data: z.object({}), apply: () => ({ status: 'lost' as const }) },
});

export async function useRecords(erp: Erp, id: Id<'payslip'>, party: Id<'party'>): Promise<void> {
  const row = await erp.payslip.get(id);
  const gross: Money = row.gross;
  const leftOn: string | null = (await erp.employee.get(row.employee)).leftOn;
  const { code }: Row<'department'> = await erp.department.get(row.department);
  await erp.payslip.act(id, 'hold', { reason: `${gross.amount} ${leftOn} ${code}` });
  await erp.payslip.list({ period: { in: ['2026-06'] }, status: 'draft' }, { limit: 10 });

  // @ts-expect-error 2379 the id of another entity
  await erp.payslip.get(party);
  // @ts-expect-error 2322 free text is no string
  const note: string = row.note;
  // @ts-expect-error 2540 a record that was read is not written to
  row.status = 'held';
  // @ts-expect-error 2345 an action that the entity does not have
  await erp.payslip.act(id, 'shred', {});
  // @ts-expect-error 2345 an action of an entity that has none
  await erp.department.act(row.department, 'close', {});
  // @ts-expect-error 2322 data that the action does not take
  await erp.payslip.act(id, 'hold', { reason: 7 });
  // @ts-expect-error 2322 a value that the field cannot have
  await erp.payslip.list({ status: 'lost' });
  // @ts-expect-error 2353 money cannot be filtered
  await erp.payslip.list({ gross: { gt: '5' } });
  // @ts-expect-error 2353 free text cannot be filtered
  await erp.payslip.list({ note: 'bonus' });
  // @ts-expect-error 2739 a new record lacks fields
  await erp.permit_reminder.create({ number: 'PR1' });
  // @ts-expect-error 2339 an entity that nobody declares
  await erp.spaceship.list();
  return void note;
}

// --- tools

const getPayslip = defineTool({
  name: 'hr.payslip.get',
  description: 'Reads a payslip.',
  effect: 'read',
  parameters: z.object({ payslip: Id('payslip') }),
  result: rowSchema(payslip),
}).handler(({ payslip: id }, { erp }) => erp.payslip.get(id));

const holdPayslip = defineTool({
  name: 'hr.payslip.stop',
  description: 'Holds a payslip.',
  effect: 'write',
  undo: { action: 'release' },
  parameters: z.object({ payslip: Id('payslip'), reason: z.enum(['hours', 'rate']) }),
  result: z.object({ version: z.string() }),
  key: ({ payslip: id, reason }) => [id, reason],
}).handler(({ payslip: id, reason }, { erp }) => erp.payslip.act(id, 'hold', { reason }));

const bare = {
  name: 'hr.payslip.try',
  description: '',
  parameters: z.object({ id: z.string() }),
  result: z.object({ version: z.string() }),
} as const;

defineTool({ ...bare, effect: 'propose' });
defineTool({ ...bare, effect: 'send', key: ({ id }) => [id], undo: { none: 'It has left.' } });
defineTool({
  ...bare,
  effect: 'send',
  key: ({ id }) => [id],
  undo: { none: 'It has left.' },
  lookUp: async ({ id }, { key }) => (key === id ? { version: id } : null),
  repeatable: true,
});
// @ts-expect-error 2345 what does nothing needs no look-up
defineTool({ ...bare, effect: 'read', lookUp: async () => null });
// @ts-expect-error 2345 a write needs a key
defineTool({ ...bare, effect: 'write', undo: { action: 'release' } });
// @ts-expect-error 2345 a write needs an undo
defineTool({ ...bare, effect: 'write', key: () => ['x'] });
// @ts-expect-error 2345 so does what leaves the company
defineTool({ ...bare, effect: 'send', key: () => ['x'] });
// @ts-expect-error 2345 a read has no key
defineTool({ ...bare, effect: 'read', key: () => ['x'] });
// @ts-expect-error 2322 an undo names an action or says why there is none
defineTool({ ...bare, effect: 'write', key: () => ['x'], undo: {} });
// @ts-expect-error 2322 a handler returns what the tool declares
defineTool({ ...bare, effect: 'read' }).handler(async () => ({ version: 3 }));

// --- agents

const Verdict = z.enum(['right', 'wrong']);

const check = defineAgent({
  name: 'check',
  purpose: 'Checks a payslip.',
  input: z.object({ payslip: Id('payslip') }),
  output: z.object({ verdict: Verdict, difference: Money }),
  tools: { getPayslip, holdPayslip },
  instructions: '',
}).playbook(async ({ input, tools, finding }) => {
  const row = await tools.getPayslip({ payslip: input.payslip });
  for (const verdict of ['right', 'wrong'] as const) {
    const effected = await tools.holdPayslip({ payslip: input.payslip, reason: 'hours' });
    // @ts-expect-error 2339 what is proposed has no result yet
    effected.result.version;
    if (effected.kind === 'applied') effected.result.version.at(0);
    // @ts-expect-error 2322 a wrong argument
    await tools.holdPayslip({ payslip: input.payslip, reason: 'mood' });
    // @ts-expect-error 2339 a tool that the agent does not have
    await tools.payOut({ payslip: input.payslip });
    const records = [{ entity: 'payslip', id: row.id }] as const;
    finding({ kind: 'a.b', severity: 'high', records, summary: '' });
    // @ts-expect-error 2322 a record of no entity
    finding({ kind: 'a.b', severity: 'high', records: [{ entity: 'x', id: '1' }], summary: '' });
    return { verdict, difference: row.gross };
  }
  // A literal in a branch of its own keeps its type.
  return { verdict: 'right', difference: Money.zero('EUR') };
});

const plain = { purpose: '', tools: {}, instructions: '' };
const empty = z.object({});

const judge = defineAgent({
  ...plain,
  name: 'judge',
  input: empty,
  output: z.object({ verdict: Verdict }),
});
// @ts-expect-error 2322 an output that the schema does not allow
judge.playbook(async () => ({ verdict: 'nonsense' }));
// @ts-expect-error 2322 an output that lacks a field
judge.playbook(async () => ({}));

// --- workflows

const summary = defineAgent({
  ...plain,
  name: 'summary',
  input: z.object({ items: z.array(z.object({ verdict: Verdict })), missing: z.int().default(0) }),
  output: z.object({ wrong: z.number(), right: z.array(z.string()) }),
});
const checks = defineAgent({
  ...plain,
  name: 'checks',
  input: z.object({ slips: z.array(z.object({ id: z.string() })) }),
  output: z.object({ results: z.array(z.object({ key: z.string(), verdict: Verdict })) }),
});
const misfit = defineAgent({
  ...plain,
  name: 'misfit',
  input: z.object({ items: z.array(z.object({ verdict: z.number() })) }),
  output: empty,
});
const pay = defineAgent({
  ...plain,
  name: 'pay',
  input: z.object({ company: z.string(), right: z.array(z.string()) }),
  output: empty,
});

export const nightly = defineWorkflow({
  name: 'nightly',
  input: z.object({ company: z.string(), periodOpen: z.boolean() }),
  graph({ input, run, foreach, reduce, gate, task }) {
    const drafts = query.payslip({ status: 'draft' });
    const slips = foreach({
      id: 'slips',
      items: drafts,
      key: (slip) => slip.id,
      agent: check,
      input: (slip) => ({ payslip: slip.id }),
    });
    const chains = foreach({
      id: 'chains',
      items: drafts,
      key: (slip) => slip.id,
      each: (graph, slip) => {
        const first = graph.task({ id: 'first', agent: check, input: { payslip: slip.id } });
        return graph.task({
          id: 'second',
          after: [first],
          agent: check,
          input: { payslip: slip.id },
        });
      },
    });
    const batches = foreach({
      id: 'batches',
      items: drafts,
      key: (slip) => slip.id,
      batch: { by: (slip) => slip.employee, most: 9 },
      agent: checks,
      input: (slips) => ({ slips }),
    });
    reduce({ id: 'sums', from: batches, agent: summary });
    const sum = reduce({ id: 'sum', from: [slips, chains], agent: summary, join: 'all_done' });
    const when = all(eq(input.periodOpen, true), eq(sum.output.wrong, 0), gt(sum.output.wrong, -1));
    const open = gate({ id: 'open', after: [sum], when });
    const { right } = sum.output;
    task({ id: 'pay', after: [open], agent: pay, input: { company: run.company, right } });

    // @ts-expect-error 2322 items of another shape
    reduce({ id: 'misfit', from: slips, agent: misfit });
    // @ts-expect-error 2322 items of another shape among several nodes
    reduce({ id: 'misfits', from: [slips, chains], agent: misfit });
    // @ts-expect-error 2322 an agent that takes no items
    reduce({ id: 'pays', from: slips, agent: pay });
    // @ts-expect-error 2322 a number where text belongs
    task({ id: 'pay2', agent: pay, input: { company: 3, right } });
    // @ts-expect-error 2322 a reference of another type
    task({ id: 'pay3', agent: pay, input: { company: input.periodOpen, right } });
    // @ts-expect-error 2561 a misspelt input
    task({ id: 'pay4', agent: pay, input: { compny: input.company, right } });
    // @ts-expect-error 2322 an input is missing
    task({ id: 'pay5', agent: pay, input: { right } });
    // @ts-expect-error 2345 a number compared with text
    eq(sum.output.wrong, 'x');
    // @ts-expect-error 2345 text compared by size
    gt(input.company, 3);
    // @ts-expect-error 2339 an output that the agent does not have
    eq(sum.output.missed, 0);
    // @ts-expect-error 2322 a gate without a condition
    gate({ id: 'always', when: true });
    foreach({
      id: 'unkeyed',
      items: drafts,
      key: (slip) => slip.id,
      // @ts-expect-error 2769 an agent that hands in no result an item
      batch: { most: 9 },
      agent: check,
      input: () => ({ payslip: 'one' }),
    });
    foreach({
      id: 'keyless',
      items: drafts,
      // @ts-expect-error 2339 a field that the record does not have
      key: (slip) => slip.uuid,
      agent: check,
      input: (slip) => ({ payslip: slip.id }),
    });
    // @ts-expect-error 2353 a query for a field that the entity does not have
    query.payslip({ colour: 'red' });
    // @ts-expect-error 2339 a query for an entity that nobody declares
    query.spaceship();
  },
});

// --- shared records

rowSchema(shared.party).parse({}).blocked satisfies boolean;
// @ts-expect-error 2339 a field that the record does not have
rowSchema(shared.party).parse({}).colour;
