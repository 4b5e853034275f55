import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import {
  defineAgent,
  defineConfig,
  defineEntity,
  defineModule,
  definePolicy,
  defineTool,
  defineWorkflow,
  eq,
  field,
  z,
} from 'tutti';
import { ScriptedModel } from 'tutti/testing';

/*
 * What golden journals were made with, and are gone on with. It stays as it is: another form of it would be another workflow. It is
 * written in what every release since the first can read.
 */

const one = z.object({ id: z.string() });

const mark = defineTool({
  name: 'gold.mark.put',
  description: 'Puts a mark into a log outside of the company.',
  parameters: one,
  result: z.object({ isNew: z.boolean() }),
  effect: 'send',
  key: ({ id }) => [id],
  undo: { none: 'a log keeps its lines' },
  scope: 'run',
  repeatable: true,
}).handler(async ({ id }, { key }) => {
  const log = process.env.GOLDEN_LOG ?? '';
  // The receiver knows the keys that it has seen.
  if (existsSync(log) && readFileSync(log, 'utf8').includes(key)) return { isNew: false };
  const file = openSync(log, 'a');
  writeSync(file, `${key} ${id}\n`);
  fsyncSync(file);
  closeSync(file);
  return { isNew: true };
});

const marker = defineAgent({
  name: 'marker',
  purpose: 'Puts a mark.',
  instructions: 'Put it.',
  input: one,
  output: one,
  limits: { costMicroUsd: 1_000_000 },
  findings: { 'gold.seen': 'Something was marked.' },
  tools: { mark },
}).playbook(async ({ input, tools, finding }) => {
  await tools.mark(input);
  finding({
    kind: 'gold.seen',
    severity: 'low',
    records: [{ entity: 'department', id: input.id }],
    summary: `Marked ${input.id}.`,
  });
  return input;
});

/** A line in the books. */
const goldNote = defineEntity('gold_note', { number: field.code() });
declare module 'tutti' {
  interface Entities {
    gold_note: typeof goldNote;
  }
}

const bookNote = defineTool({
  name: 'gold.note.book',
  description: 'Books a note.',
  parameters: one,
  result: z.object({ version: z.string() }),
  effect: 'write',
  key: ({ id }) => [id],
  undo: { none: 'books keep their lines' },
  scope: 'run',
}).handler(async ({ id }, { erp }) => {
  const { version } = await erp.gold_note.create({ number: id });
  return { version };
});

const booker = defineAgent({
  name: 'booker',
  purpose: 'Books a note.',
  instructions: 'Book it.',
  input: one,
  output: one,
  limits: { costMicroUsd: 1_000_000 },
  tools: { bookNote },
}).playbook(async ({ input, tools }) => {
  await tools.bookNote(input);
  return input;
});

const checker = defineAgent({
  name: 'checker',
  purpose: 'Looks at what was marked.',
  instructions: 'Look.',
  input: one,
  output: one,
  limits: { costMicroUsd: 1_000_000 },
  tools: {},
}).playbook(async ({ input }) => input);

const counter = defineAgent({
  name: 'counter',
  purpose: 'Counts.',
  instructions: 'Count.',
  input: z.object({ items: z.array(one), missing: z.number() }),
  output: z.object({ ids: z.array(z.string()), missing: z.number() }),
  // Too little for a model call: it counts by itself.
  limits: { costMicroUsd: 1 },
  tools: {},
}).playbook(async ({ input }) => ({
  ids: input.items.map(({ id }) => id),
  missing: input.missing,
}));

const work = defineWorkflow({
  name: 'gold.work',
  input: z.object({ items: z.array(one), open: z.boolean() }),
  graph: ({ input, task, gate, foreach, reduce }) => {
    const open = gate({ id: 'open', when: eq(input.open, true) });
    const first = task({ id: 'first', agent: checker, input: { id: 'first' }, after: [open] });
    const closed = gate({ id: 'closed', when: eq(input.open, false) });
    task({ id: 'never', agent: checker, input: { id: 'never' }, after: [closed] });
    const marks = foreach({
      id: 'marks',
      items: input.items,
      key: (item) => item.id,
      after: [first],
      // One after the other: a run that is killed has items that are done and items that are not.
      concurrency: 1,
      each: (graph, item) => {
        const marked = graph.task({ id: 'mark', agent: marker, input: { id: item.id } });
        return graph.task({ id: 'book', agent: booker, input: { id: marked.output.id } });
      },
    });
    reduce({ id: 'count', from: marks, agent: counter });
  },
});

const gold = defineModule({
  name: 'gold',
  version: '1.0.0',
  records: [goldNote],
  agents: [marker, booker, checker, counter],
  tools: [mark, bookNote],
  workflows: [work],
  policies: [definePolicy({ name: 'gold', grants: [{ agents: ['gold.*'], autonomy: 'act' }] })],
});

/** Uses the agent's tool, if it has one, then answers with what it was given. */
const model = () =>
  new ScriptedModel(({ tools, messages }) => {
    const opening = messages[0]?.parts[0];
    const id = /"id":"([^"]*)"/.exec(opening?.kind === 'text' ? opening.text : '')?.[1] ?? '';
    const name = tools.map((tool) => tool.name).find((each) => each.startsWith('gold.'));
    if (name === undefined || messages.length > 1) return JSON.stringify({ id });
    return [{ kind: 'call', id: `call-${id}`, name, args: { id } }];
  });

// biome-ignore lint/style/noDefaultExport: a configuration is a default export
export default defineConfig({
  modules: [gold],
  ...(process.env.GOLDEN_MODEL === '1' && {
    models: { standard: { provider: 'gold', model: 'gold', maxOutputTokens: 100 } },
  }),
  providers: { gold: model },
  prices: { gold: { input: 1_000_000, cachedInput: 0, cacheWrite: 0, output: 1_000_000 } },
  limits: { threads: 1 },
});
