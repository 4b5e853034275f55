/*
 * A team of two agents in one call: an analyst computes, a writer writes a report on it. Without the key of a model their playbooks
 * compute every figure and put them in order; with one, the analyst answers the question and the writer writes for its reader.
 *
 *   npx tutti run sales_team --config examples/data-analysis-team.ts --json
 *   npx tutti run sales_team --config examples/data-analysis-team.ts --input '{"rows":[{"region":"North","revenue":"120.50"}]}'
 *   npx tutti ask --capability data_analysis "Which region grew?" --input '{"rows":[…]}' --config examples/data-analysis-team.ts
 */
import { defineConfig, defineWorkflow, z } from 'tutti';
import { dataAnalysisTeam, general } from '../modules/general/index.ts';

/** The team's workflow has its name and can be run by itself. */
const team = dataAnalysisTeam({
  name: 'data_team',
  about: 'Revenue is in euros, as decimals in text; a row is one order.',
});

const orders = [
  { region: 'North', product: 'Pump', revenue: '1200.50', units: 3 },
  { region: 'North', product: 'Valve', revenue: '310.00', units: 10 },
  { region: 'South', product: 'Pump', revenue: '800.25', units: 2 },
  { region: 'South', product: 'Valve', revenue: '95.10', units: null },
];
const cell = z.union([z.string(), z.number(), z.null()]);

/** A workflow of one's own starts the team's like any other. */
const salesTeam = defineWorkflow({
  name: 'sales_team',
  description: 'Has the data team report on the orders of a week.',
  input: z.object({
    question: z.string().default('How does revenue differ by region?'),
    rows: z.array(z.record(z.string(), cell)).default(orders),
  }),
  graph({ input, workflow }) {
    const report = workflow({
      id: 'report',
      workflow: team.workflow,
      input: { task: input.question, rows: input.rows, groupBy: ['region'], title: 'Orders' },
    });
    return report.output;
  },
});

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({ modules: [general, team.module], workflows: [salesTeam] });
