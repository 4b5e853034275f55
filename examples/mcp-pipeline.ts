/*
 * Three servers of the Model Context Protocol in one workflow: reports are read from one folder, brought together, checked by a second
 * server, and saved into another folder. The same two tools serve both folders: each node says which server its calls go to. No key and
 * no network; the servers are processes that Tutti starts when they are first called, one each, and ends.
 *
 *   npx tutti run mcp_pipeline --events --config examples/mcp-pipeline.ts
 *
 * That prints the events as they come. Beside `npx tutti serve`, `GET /v1/runs/ID/events` streams them.
 * The summary is saved in the folder that TUTTI_EXAMPLE_OUT names, else in tutti-mcp-pipeline of the folder for temporary files.
 */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  defineAgent,
  defineConfig,
  defineModule,
  definePolicy,
  defineWorkflow,
  EngineError,
  mcpTool,
  z,
} from 'tutti';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const reports = at('mcp-pipeline/reports');
const summaries = process.env.TUTTI_EXAMPLE_OUT ?? join(tmpdir(), 'tutti-mcp-pipeline');
// A server of files refuses to start without its folder.
mkdirSync(summaries, { recursive: true });

/** A server of files that sees one folder. */
const filesIn = (folder: string) => ({
  command: at('../node_modules/.bin/mcp-server-filesystem'),
  args: [folder],
  cwd: folder,
});

// What a tool does to the world its author says; what a server says of its own tools is never believed.
const readFile = mcpTool({
  name: 'reports.file.read',
  description: 'Returns the text of a report.',
  tool: 'read_text_file',
  effect: 'read',
  parameters: z.object({ path: z.string() }),
});

const saveFile = mcpTool({
  name: 'reports.file.save',
  description: 'Saves a summary in the folder of summaries.',
  tool: 'write_file',
  effect: 'send',
  key: ({ path }) => [path],
  undo: { none: 'delete the file by hand' },
  parameters: z.object({ path: z.string(), content: z.string() }),
});

const add = mcpTool({
  name: 'reports.number.add',
  description: 'Adds two whole numbers.',
  tool: 'get-sum',
  effect: 'read',
  parameters: z.object({ a: z.int(), b: z.int() }),
  result: z.object({ sum: z.int() }),
  answer: ({ text }) => ({ sum: Number(/ is (-?\d+)/.exec(text)?.[1]) }),
});

const figures = z.object({ revenue: z.int(), cost: z.int() });
const summed = figures.extend({ reports: z.int() });

const readReport = defineAgent({
  name: 'read_report',
  purpose: 'Takes the figures out of a report.',
  input: z.object({ path: z.string() }),
  output: figures,
  tools: { readFile },
  instructions: 'Read the report and hand in its revenue and cost, in whole euros.',
}).playbook(async ({ input, tools }) => {
  const { text } = await tools.readFile(input);
  const figure = (name: string): number =>
    Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return { revenue: figure('revenue'), cost: figure('cost') };
});

const combine = defineAgent({
  name: 'combine',
  purpose: 'Adds the figures of all reports up.',
  input: z.object({ items: z.array(figures), missing: z.int() }),
  output: summed,
  tools: {},
  instructions: 'Add up revenue and cost of all items, and count them.',
}).playbook(async ({ input: { items } }) => ({
  revenue: items.reduce((sum, { revenue }) => sum + revenue, 0),
  cost: items.reduce((sum, { cost }) => sum + cost, 0),
  reports: items.length,
}));

const research = defineAgent({
  name: 'research',
  purpose: 'Works out the margin.',
  input: summed,
  output: summed.extend({ margin: z.int() }),
  tools: { add },
  instructions: 'The margin is revenue minus cost; let the tool work it out.',
}).playbook(async ({ input, tools }) => {
  const { sum } = await tools.add({ a: input.revenue, b: -input.cost });
  return { ...input, margin: sum };
});

const save = defineAgent({
  name: 'save',
  purpose: 'Saves the summary.',
  input: z.object({ path: z.string(), summary: research.output }),
  output: z.object({ path: z.string(), became: z.enum(['applied', 'replayed', 'proposed']) }),
  tools: { saveFile },
  instructions: 'Write a short summary in Markdown and save it under the path.',
}).playbook(async ({ input: { path, summary }, tools }) => {
  const { reports, revenue, cost, margin } = summary;
  const lines = [`# Summary of ${reports} reports`, '', `revenue: ${revenue}`, `cost: ${cost}`];
  const content = `${[...lines, `margin: ${margin}`].join('\n')}\n`;
  const { kind } = await tools.saveFile({ path, content });
  if (kind === 'refused')
    throw new EngineError('TOOL_REFUSED', `The summary may not be saved under '${path}'.`);
  return { path, became: kind };
});

// Without these grants the summary would be a proposal: nothing leaves unattended, and what was read came from outside.
const mayBeSaved = definePolicy({
  name: 'summaries_may_be_saved',
  grants: [{ agents: ['reports.save'], tools: ['reports.file.save'], autonomy: 'act' }],
  external: [{ agents: ['reports.save'], tools: ['reports.file.save'], check: 'none' }],
});

const pipeline = defineWorkflow({
  name: 'mcp_pipeline',
  description: 'Reads reports, adds them up, works out the margin and saves a summary.',
  input: z.object({ reports: z.array(z.string()).default(['north.md', 'south.md', 'west.md']) }),
  graph({ input, foreach, reduce, task }) {
    const read = foreach({
      id: 'read',
      items: input.reports,
      key: (path) => path,
      agent: readReport,
      input: (path) => ({ path }),
      server: 'fs_in',
    });
    const total = reduce({ id: 'total', from: read, agent: combine });
    const margin = task({
      id: 'margin',
      agent: research,
      input: total.output,
      server: 'everything',
    });
    const saved = task({
      id: 'saved',
      agent: save,
      input: { path: 'summary.md', summary: margin.output },
      server: 'fs_out',
    });
    return saved.output;
  },
});

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [
    defineModule({
      name: 'reports',
      version: '1.0.0',
      tools: [readFile, saveFile, add],
      agents: [readReport, combine, research, save],
      policies: [mayBeSaved],
    }),
  ],
  workflows: [pipeline],
  mcp: {
    servers: {
      fs_in: filesIn(reports),
      fs_out: filesIn(summaries),
      everything: { command: at('../node_modules/.bin/mcp-server-everything'), args: ['stdio'] },
    },
  },
});
