// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions
import { z } from 'zod';
import { goalSchema } from '../goal.ts';
import { retryPolicy } from '../recovery.ts';
import { form, kindFault } from './document-form.ts';

const id = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be lower snake case of at most 64 characters')
  .describe('Lower snake case, unique in its graph.');
const reference = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]*)?$/,
    'must be the id of a node, or switch.case, for example route.high',
  );
const oneOrMore = <T extends z.ZodType>(one: T) => z.union([one, z.array(one)]);
const agent = z
  .string()
  .max(200)
  .regex(/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/, 'must be an agent: module.agent')
  .describe('The agent: module.agent.');
const tool = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, 'must be a tool: module.entity.verb')
  .describe('The tool: module.entity.verb.');
const duration = z
  .string()
  .regex(
    /^P(?=\d|T\d)(\d{1,6}D)?(T(?=\d)(\d{1,6}H)?(\d{1,6}M)?(\d{1,6}S)?)?$/,
    'must be an ISO 8601 duration of days to seconds, for example PT6H',
  );
const celText = z.string().min(1).max(4_000);
const cel = z.union([celText, form({ cel: celText.describe('CEL.') })], {
  error: 'must be an expression in CEL, as text',
});
const count = z.int().min(1).max(100_000);
const usd = z
  .union([z.number().nonnegative(), z.string()], { error: 'must be an amount in USD' })
  .refine(
    (value) => /^\d{1,9}(\.\d{1,6})?$/.test(String(value)),
    'must be an amount in USD from 0 with at most 6 decimal places',
  );

const placing = {
  id,
  after: oneOrMore(reference)
    .optional()
    .describe(
      'Nodes that must end first, besides those that expressions mention; route.high is the case high of the switch route.',
    ),
  join: z
    .enum(['all_succeeded', 'all_done', 'any'])
    .optional()
    .describe('When it starts, seen from what it waits for. Default all_succeeded.'),
  when: cel.optional().describe('CEL: when it does not hold, the node is skipped.'),
};
const weighing = {
  priority: z.int().min(1).max(10).optional().describe("1 to 10, the first. Default its agent's."),
  critical: z
    .boolean()
    .optional()
    .describe("Whether a run without it has failed. Default its agent's."),
};
const trying = {
  timeout: duration.optional().describe('ISO 8601 duration of one attempt.'),
  retry: form(retryPolicy.shape)
    .optional()
    .describe('How often and how fast a failed attempt is repeated.'),
};
const bounds = {
  ...trying,
  budgetUsd: usd.optional().describe('USD that the step may spend, as text or number.'),
};
const server = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'must be the name of an MCP server')
  .optional()
  .describe("The MCP server of calls that name none. Default the configuration's defaultServer.");
const mapping = (about: string) =>
  z.unknown().optional().describe(`${about} Any JSON; \${ … } is an expression in CEL.`);
const kind = <K extends string>(name: K, about: string) => z.literal(name).describe(about);

const task = form({
  kind: kind('task', 'One agent, once.'),
  ...placing,
  agent,
  input: mapping("The agent's input. Default {}."),
  ...weighing,
  ...bounds,
  server,
}).meta({ id: 'TaskNode' });

const toolNode = form({
  kind: kind('tool', 'One tool, once, without a model; guarded like any other call.'),
  ...placing,
  tool,
  args: mapping("The tool's arguments. Default {}."),
  ...weighing,
  ...trying,
  server,
}).meta({ id: 'ToolNode' });

const compute = form({
  kind: kind('compute', 'A value made by expressions alone.'),
  ...placing,
  from: oneOrMore(id)
    .optional()
    .describe('Nodes whose outputs are `items`; `missing` counts those that there are not.'),
  value: z.unknown().describe('The value. Any JSON; ${ … } is an expression in CEL.'),
}).meta({ id: 'ComputeNode' });

const gate = form({
  kind: kind('gate', 'Lets what comes after it start only when its condition holds.'),
  ...placing,
  when: cel.describe('CEL: the condition.'),
}).meta({ id: 'GateNode' });

const choice = form({
  kind: kind('switch', 'Chooses the first of its cases that holds.'),
  ...placing,
  cases: z
    .array(
      form({
        id: id.describe('Lower snake case; `after: [switch.case]` waits for it.'),
        when: cel.describe('CEL: the condition.'),
      }),
    )
    .min(1)
    .describe('Asked in this order.'),
  otherwise: id.optional().describe('Chosen when no case holds. Default: the node is skipped.'),
}).meta({ id: 'SwitchNode' });

const approval = form({
  kind: kind('approval', 'Asks people whether the run may go on from here.'),
  ...placing,
  title: z.string().min(1).describe('What is asked, one sentence; ${ … } is an expression in CEL.'),
  show: mapping('What the people are shown. Default nothing but the title.'),
  by: oneOrMore(z.string().min(1)).describe('Who may decide: names of roles or persons.'),
  required: count.optional().describe('Yeses of different people. Default 1.'),
  expires: duration
    .optional()
    .describe('ISO 8601 duration until it counts as refused. Default P1D.'),
  escalate: form({
    after: duration.describe('ISO 8601 duration from when it is asked.'),
    to: oneOrMore(z.string().min(1)).describe('Names of roles or persons.'),
  })
    .optional()
    .describe('Who may decide as well once nobody has decided for a while. Default nobody.'),
  onRefusal: z
    .enum(['fail', 'skip'])
    .optional()
    .describe('Whether a refusal fails the node or skips it. Default fail.'),
}).meta({ id: 'ApprovalNode' });

const awaited = z
  .discriminatedUnion(
    'kind',
    [
      form({
        kind: kind('duration', 'Some time from when it starts to wait.'),
        duration: duration.describe('ISO 8601 duration.'),
      }),
      form({
        kind: kind('moment', 'A moment that an expression gives.'),
        at: cel.describe('CEL: a moment as in RFC 3339.'),
      }),
      form({
        kind: kind('calendar', "A moment of a company's fiscal calendar."),
        moment: z.string().min(1).max(64).describe('For example BD+1 or PERIOD_CLOSE-2BD.'),
        time: z
          .string()
          .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM')
          .optional()
          .describe('Local time, HH:MM. Default 00:00.'),
        company: z
          .string()
          .min(1)
          .optional()
          .describe("Default the run's company; ${ … } is an expression in CEL."),
      }),
      form({
        kind: kind('event', 'An event of the ERP.'),
        entity: id.describe('The entity whose events count.'),
        match: cel.optional().describe('CEL, with `event` in scope: which of them counts.'),
        timeout: duration
          .optional()
          .describe('ISO 8601 duration after which the node fails. Default P1D.'),
      }),
    ],
    { error: kindFault },
  )
  .describe('What it waits for.');

const wait = form({
  kind: kind('wait', 'Waits, and holds nothing meanwhile.'),
  ...placing,
  for: awaited,
}).meta({ id: 'WaitNode' });

const workflow = form({
  kind: kind('workflow', "A run of another workflow, paid from this run's budget."),
  ...placing,
  workflow: z.string().min(1).max(128).describe("The other workflow's name."),
  input: mapping("The other workflow's input. Default {}."),
  critical: weighing.critical,
}).meta({ id: 'WorkflowNode' });

const inItems = [task, toolNode, compute, gate, choice, approval, wait, workflow] as const;
const itemNode = z.discriminatedUnion('kind', inItems, { error: kindFault });

const query = form({
  entity: id.describe('The entity whose records are the items.'),
  filter: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('By field; ${ … } is an expression in CEL. Default all records.'),
  order: oneOrMore(
    z.union([
      z.string().min(1),
      form({
        field: z.string().min(1).describe('The field.'),
        descending: z.boolean().optional().describe('Default false.'),
      }),
    ]),
  )
    .optional()
    .describe('Fields by which the records are ordered.'),
});

const foreach = form({
  kind: kind('foreach', 'Sends each item of a list or query through an agent, a tool or a graph.'),
  ...placing,
  items: z
    .union([celText, form({ cel: celText.describe('CEL.') }), query], {
      error: 'must be an expression in CEL as text, or a query { entity, filter, order }',
    })
    .describe('A list as CEL, or a query.'),
  key: cel.describe("CEL over `item`: the item's identity, unique in the node, never an index."),
  agent: agent.optional(),
  input: mapping("The agent's input. Default {}."),
  tool: tool.optional(),
  args: mapping("The tool's arguments. Default {}."),
  each: z
    .array(itemNode)
    .min(1)
    .optional()
    .describe("Each item's own graph; its outputs are `each.<id>.output`."),
  outputs: oneOrMore(id)
    .optional()
    .describe("Nodes of `each` whose outputs are the item's. Default the last."),
  batch: form({
    by: cel.optional().describe('CEL over `item`: items of one value go together. Default all.'),
    most: z.int().min(1).max(1_000).describe('Items in one step.'),
  })
    .optional()
    .describe(
      'Several items in one step of the agent: its input is over `items`, it hands in { results }, one an item, each with the key of its item. Default each item by itself.',
    ),
  concurrency: count
    .optional()
    .describe('Items, or batches, at once. Default no limit of its own.'),
  onItemFailure: z
    .enum(['continue', 'stop'])
    .optional()
    .describe('Whether a failed item fails the node. Default stop.'),
  ...weighing,
  ...bounds,
  server,
})
  .superRefine((node, context) => {
    for (const { path, message } of bodyFaults(node))
      context.addIssue({ code: 'custom', path: [path], message });
  })
  .meta({ id: 'ForeachNode' });

/** What an item goes through is said once, and what belongs to another way of saying it is not there. */
function bodyFaults(
  node: Readonly<Record<string, unknown>>,
): readonly { readonly path: string; readonly message: string }[] {
  const ways = ['agent', 'tool', 'each'].filter((each) => node[each] !== undefined);
  if (ways.length !== 1) {
    const message = 'has to say once what items go through: agent, tool or each';
    return [{ path: ways[1] ?? 'kind', message }];
  }
  const way = ways[0] as string;
  const others: Readonly<Record<string, string>> = {
    input: 'agent',
    args: 'tool',
    outputs: 'each',
    budgetUsd: 'agent',
    batch: 'agent',
  };
  const misplaced = Object.keys(others).filter(
    (each) => node[each] !== undefined && others[each] !== way,
  );
  const ofNodes = way === 'each' ? ['priority', 'critical', 'timeout', 'retry', 'server'] : [];
  return [...misplaced, ...ofNodes.filter((each) => node[each] !== undefined)].map((path) => ({
    path,
    message: `does not go with '${way}'${way === 'each' ? '; say it at a node of each' : ''}`,
  }));
}

const reduce = form({
  kind: kind('reduce', 'One agent over the outputs of other nodes: { items, missing }.'),
  ...placing,
  from: oneOrMore(id).describe('Nodes whose outputs are the items.'),
  agent,
  ...weighing,
  ...bounds,
  server,
}).meta({ id: 'ReduceNode' });

/** A workflow as a document says it; `docs/workflow.schema.json` is made from this. */
export const documentSchema = form({
  $schema: z.string().optional().describe('URL of this schema, for editors.'),
  name: z
    .string()
    .max(128)
    .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/, 'must be lower snake case')
    .describe('The name that runs ask for; lower snake case.'),
  description: z.string().min(1).max(1_000).optional().describe('What it is for, one sentence.'),
  goal: goalSchema
    .optional()
    .describe('What its runs are for, in words, where nobody says otherwise.'),
  input: z
    .record(z.string(), z.unknown(), {
      error: 'must be a JSON Schema, or a map of names to schemas',
    })
    .optional()
    .describe(
      'The input: a JSON Schema with type object, or a map of names to schemas; names without a default are required.',
    ),
  output: mapping('What a run brings.'),
  deadline: duration.optional().describe("ISO 8601 duration from the run's start, such as PT6H."),
  budgetUsd: usd.optional().describe('USD that a run may spend, as text or number.'),
  partial: z
    .boolean()
    .optional()
    .describe(
      'Whether failed critical steps leave the run partial instead of failed. Default false.',
    ),
  onFailure: z
    .literal('undo')
    .optional()
    .describe(
      'undo: what a run has done is taken back when it fails or is cancelled. Default: what was done stays.',
    ),
  concurrency: count.optional().describe("Running steps at once. Default the engine's limit."),
  nodes: z
    .array(z.discriminatedUnion('kind', [...inItems, foreach, reduce], { error: kindFault }))
    .min(1, 'has no nodes; add at least one')
    .describe('The graph.'),
});

/** A document that has this form. */
export type WorkflowDocument = z.output<typeof documentSchema>;
export type DocumentNode = WorkflowDocument['nodes'][number];
export type DocumentItemNode = z.output<typeof itemNode>;
