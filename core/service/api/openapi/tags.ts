import type { Route } from '../route.ts';

/** What each group of routes is about; the order is that of the reference. */
const tags: Readonly<Record<string, string>> = {
  runs: 'Executions of workflows: start them, look at them, steer them, take them back.',
  tasks: 'Single tasks, each for one agent, beside the runs of workflows.',
  plans: 'What a run would do, cost and take.',
  findings: 'What agents found.',
  proposals: 'Changes to the ERP that agents propose.',
  approvals: 'Questions to people, and their answers.',
  delegations: 'Who decides for whom.',
  effects: 'What was done to the ERP, and what nobody could find out about it.',
  errors: 'What failed.',
  workflows: 'What can be run, in versions.',
  agents: 'The agents that there are, and those that people make.',
  tools: 'What agents can use, and who may use it.',
  modules: 'What is loaded.',
  mcp: 'Servers of the Model Context Protocol that tools call.',
  authority: 'What agents may do by themselves.',
  stops: 'What is stopped.',
  schedules: 'What starts by the calendar.',
  hooks: 'What starts by events of the ERP.',
  webhooks: 'Who is told of what happens.',
  costs: 'What models cost.',
  budgets: 'What they may cost.',
  limits: 'How much of their limits they have used.',
  settings: 'What can be changed while engines run.',
  keys: 'Who may call: API keys, and tokens that are refused.',
  sessions: 'People in browsers: sign in, look who is signed in, and sign out.',
  tenants: 'Customers of the installation.',
  audit: 'Who changed what.',
  status: 'How the installation does.',
  health: 'Whether a process is alive and ready.',
  pages: 'What people open in a browser.',
  document: 'This document.',
};

const own: Readonly<Record<string, string>> = {
  livez: 'health',
  readyz: 'health',
  metrics: 'status',
  autonomy: 'authority',
  shadow: 'authority',
  'denied-tokens': 'keys',
  me: 'keys',
  'erp-events': 'hooks',
  deliveries: 'webhooks',
  occurrences: 'schedules',
  backfills: 'schedules',
  calendars: 'schedules',
  policies: 'authority',
  templates: 'workflows',
  '': 'pages',
  report: 'pages',
  docs: 'document',
  'openapi.json': 'document',
};

/** The group of a route. */
export function tagOf({ path }: Pick<Route, 'path'>): string {
  const name = path.replace(/^\/v1\//, '/').split('/')[1] ?? '';
  return own[name] ?? name;
}

/** The groups that routes are in, in order. */
export function tagsOf(
  routes: readonly Route[],
): readonly { readonly name: string; readonly description: string }[] {
  const used = new Set(routes.map(tagOf));
  const names = [...Object.keys(tags).filter((name) => used.delete(name)), ...used];
  return names.map((name) => ({ name, description: tags[name] ?? `What is under /v1/${name}.` }));
}
