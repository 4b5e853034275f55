/*
 * A review pipeline: each file goes to the reviewer by itself, then everything is brought together, worst first. Without the key of a model
 * the reviewer's playbook checks the syntax and looks for known bad patterns; with one it reviews like an engineer.
 *
 *   npx tutti run code_review --config examples/code-review.ts --json
 *   npx tutti ask general.code_reviewer "Can this be abused?" --config examples/code-review.ts --input '{"files":[{"path":"a.ts","content":"eval(x)"}]}'
 */
import { defineAgent, defineConfig, defineModule, defineWorkflow, z } from 'tutti';
import { codeReviewer, general } from '../modules/general/index.ts';

const review = codeReviewer.output;
const ranks = ['critical', 'high', 'medium', 'low'];

/** Reads all reviews and decides; what it decides by is a rule, so it has a playbook and no tools. */
const gatekeeper = defineAgent({
  name: 'gatekeeper',
  purpose: 'Decides by the reviews of all files whether a change may be merged.',
  input: z.object({ items: z.array(review), missing: z.int() }),
  output: z.object({
    mayMerge: z.boolean(),
    reason: z.string(),
    comments: review.shape.comments,
  }),
  tools: {},
  instructions:
    'A change may be merged when each file has a review and none asks for changes. Hand in the comments of all, the worst first.',
}).playbook(async ({ input: { items, missing } }) => {
  const blocked = items.filter(({ verdict }) => verdict === 'request_changes').length;
  const comments = items.flatMap((each) => each.comments);
  return {
    mayMerge: blocked === 0 && missing === 0,
    reason: `${items.length} files were reviewed, ${missing} were not; ${blocked} need changes.`,
    comments: comments.toSorted((a, b) => ranks.indexOf(a.severity) - ranks.indexOf(b.severity)),
  };
});

const change = [
  { path: 'src/price.ts', content: 'export const price = (net: number): number => net * 1.19;\n' },
  { path: 'src/run.ts', content: 'export function run(code: string) {\n  return eval(code);\n}\n' },
  { path: 'package.json', content: '{ "name": "shop", }\n' },
];

const codeReview = defineWorkflow({
  name: 'code_review',
  description: 'Reviews each file of a change, and says whether it may be merged.',
  partial: true,
  input: z.object({
    task: z.string().default('May this be merged?'),
    files: z.array(z.object({ path: z.string(), content: z.string() })).default(change),
  }),
  graph({ input, foreach, reduce }) {
    const reviews = foreach({
      id: 'reviews',
      items: input.files,
      key: ({ path }) => path,
      // A file that cannot be reviewed stops none of the others.
      onItemFailure: 'continue',
      each(graph, file) {
        const material = graph.compute({ id: 'material', value: [file] });
        const input = { files: material.output };
        return [graph.task({ id: 'review', agent: codeReviewer, input })];
      },
    });
    const gate = reduce({ id: 'gate', from: reviews, join: 'all_done', agent: gatekeeper });
    return gate.output;
  },
});

const pipeline = defineModule({
  name: 'pipeline',
  version: '1.0.0',
  requires: ['general'],
  agents: [gatekeeper],
});

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({ modules: [general, pipeline], workflows: [codeReview] });
