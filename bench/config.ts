import { defineAgent, defineConfig, defineModule, defineWorkflow, type NodeRef, z } from 'tutti';
import { type BenchNode, benchGraphs, type GraphName, moduleCount } from './graph.ts';
import { benchModel } from './provider.ts';

/*
 * What the bench runs: modules m0 to m3 with one agent each, a workflow per graph, budgets and rate limits on but never in the
 * way. The URL says which graphs are wanted and where the mock listens: `config.ts?graphs=w500,w10k&mock=http://…`.
 */
const parameters = new URL(import.meta.url).searchParams;
const graphs = (parameters.get('graphs') ?? 'w500').split(',') as readonly GraphName[];

/** What the measured calls cost: 1 USD per million tokens in, 5 out. */
export const price = {
  input: 1_000_000,
  cachedInput: 100_000,
  cacheWrite: 1_250_000,
  output: 5_000_000,
};
/** The model that every measured agent calls. */
export const model = 'bench-1';
// As many as there are: the floor, too, starts whatever is ready.
const runningAtOnce = 10_000;

const Input = z.object({
  index: z.int(),
  factor: z.number(),
  base: z.number(),
  /** Of the agent before: data goes along the edges, too. */
  before: z.int().optional(),
});
const Output = z.object({ index: z.int(), from: z.number(), to: z.number(), text: z.string() });

const agents = Array.from({ length: moduleCount }, () =>
  defineAgent({
    name: 'caller',
    purpose: 'Calls the model once and hands in what it says.',
    input: Input,
    output: Output,
    model: 'standard',
    tools: {},
    instructions: 'Answer with the object that you are asked for and with nothing else. '.repeat(4),
  }),
);
const modules = agents.map((agent, index) =>
  defineModule({ name: `m${index}`, version: '1.0.0', agents: [agent] }),
);

function workflowOf(name: GraphName): ReturnType<typeof defineWorkflow> {
  return defineWorkflow({
    name,
    input: z.object({ base: z.number() }),
    graph({ input, task }) {
      const refs: NodeRef<z.infer<typeof Output>>[] = [];
      for (const node of benchGraphs[name]().nodes) {
        const after = node.deps.flatMap((dep) => refs[dep] ?? []);
        const [first] = after;
        refs.push(
          task({
            id: idOf(node),
            agent: agents[node.module] as (typeof agents)[number],
            priority: node.priority,
            after,
            input: {
              index: node.index,
              factor: node.factor,
              base: input.base,
              ...(first && { before: first.output.index }),
            },
          }),
        );
      }
    },
  });
}

function idOf(node: BenchNode): string {
  return `n${node.index}`;
}

const plenty = 1_000_000_000;
const target = {
  provider: 'bench',
  model,
  baseUrl: parameters.get('mock') ?? '',
  maxOutputTokens: 1_024,
};

// biome-ignore lint/style/noDefaultExport: a configuration module's contract
export default defineConfig({
  modules,
  workflows: graphs.map(workflowOf),
  models: { standard: target },
  providers: { bench: benchModel },
  modelLimits: {
    [model]: { requestsPerMinute: plenty, tokensPerMinute: plenty * 1_000, concurrency: plenty },
  },
  prices: { [model]: price },
  limits: { running: runningAtOnce, perRun: runningAtOnce, perModule: runningAtOnce },
  budgets: { tenantDailyMicroUsd: plenty * 1_000 },
});
