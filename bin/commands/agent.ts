import type { AgentDetail, AgentView } from '../../core/engine/agents/agent-view.ts';
import type { AgentVersions, MadeNow, Speaking } from '../../core/engine/agents/agents.ts';
import { readAgentDocument } from '../../core/sdk/agent-document.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { actionIn, wrongUse } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import type { Call, Command } from '../command.ts';
import { actorOfCall } from '../operator.ts';
import { agentsOf } from '../parts/agents-of.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';
import { readText } from '../workflow-versions.ts';

const wrong = wrongUse('agent');

type Agents = ReturnType<typeof agentsOf>;
type Act = (agents: Agents, speaking: Speaking) => Promise<void>;

/** Which document a call is about: in a file, or told by flags. */
type Written = Readonly<Record<string, unknown>>;

const actions: Readonly<Record<string, (call: Call, named: readonly string[]) => Act>> = {
  ...{ list, show, create, change, clone, versions, rollback },
  delete: remove,
};

/** `tutti agent`: makes, changes, clones and deletes agents while Tutti runs, and shows those that there are. */
export const agent: Command = (call) => {
  const [action = '', ...named] = call.args.positionals;
  const actOf = actionIn('agent', actions, action);
  // Read before anything is opened: a wrong flag costs no start.
  const act = actOf(call, named);
  const actor = actorOfCall(call);
  return withTenant(call, (host, tenantId) => act(agentsOf(host), { tenantId, actor }));
};

function list({ args, terminal }: Call): Act {
  const filter = { module: args.text('module'), capability: args.text('capability') };
  return async (agents, { tenantId }) => {
    const all = await agents.list(tenantId, filter);
    if (terminal.isJson) return terminal.print(all);
    for (const line of table(all.map(rowOf))) terminal.say(line.trimEnd());
    terminal.say(`${countOf(all.length, 'agent')}.`);
  };
}

function rowOf({ name, version, purpose, fault }: AgentView): readonly string[] {
  const what = fault === null ? purpose : `cannot be used: ${fault}`;
  return [name, version === null ? '' : `v${version}`, oneLine(what)];
}

function show(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('show', named, ['NAME']);
  const version = numberOf(call, 'version');
  return async (agents, { tenantId }) => {
    const found = await agents.show(tenantId, name, version);
    if (call.terminal.isJson) call.terminal.print(found);
    else tell(call.terminal, found);
  };
}

function tell(terminal: Terminal, found: AgentDetail): void {
  const { name, version, template, purpose, model, tools, capabilities, needsModel } = found;
  terminal.say(terminal.bold(version === null ? name : `${name}, version ${version}`));
  const rows = [
    ['purpose', purpose],
    ['template', template ?? '–'],
    ['model', needsModel ? model : `${model}, or its playbook`],
    ['tools', tools.join(', ') || '–'],
    ...(found.delegates.length > 0 ? [['delegates', found.delegates.join(', ')]] : []),
    ['can', capabilities.map((each) => each.name).join(', ') || '–'],
    ...(found.fault === null ? [] : [['fault', found.fault]]),
  ];
  for (const line of table(rows.map((row) => row.map(oneLine)))) terminal.say(line);
  terminal.say(`\n${found.instructions}`);
}

function create(call: Call, named: readonly string[]): Act {
  namesOf('create', named, []);
  const name = call.args.text('name');
  const written = {
    ...(fileOf(call) ?? {}),
    ...flagsOf(call),
    ...(name !== undefined && { name }),
  };
  if (!('name' in written)) throw wrong('create needs a --file, or a --name and more');
  return async (agents, speaking) => done(call, await agents.create(speaking, written), 'made');
}

function change(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('change', named, ['NAME']);
  const [file, changes] = [fileOf(call), flagsOf(call)];
  if (!file && Object.keys(changes).length === 0) throw wrong('change needs a --file or flags');
  const version = numberOf(call, 'version');
  return async (agents, speaking) => {
    const made = file
      ? await agents.change(speaking, name, { written: { ...file, ...changes }, version })
      : await agents.amend(speaking, name, { changes, version });
    done(call, made, 'changed');
  };
}

function clone(call: Call, named: readonly string[]): Act {
  const [from = '', name = ''] = namesOf('clone', named, ['NAME', 'NEW']);
  const changes = flagsOf(call);
  return async (agents, speaking) =>
    done(call, await agents.clone(speaking, from, { name, changes }), 'made');
}

function remove(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('delete', named, ['NAME']);
  const version = numberOf(call, 'version');
  return async (agents, speaking) => {
    const gone = await agents.delete(speaking, name, { version });
    const { terminal } = call;
    if (terminal.isJson) return terminal.print(gone);
    terminal.say(`${gone.name} is deleted; runs under way go on with version ${gone.version}.`);
    for (const { workflow, message } of gone.breaks) terminal.warn(`${workflow}: ${message}`);
  };
}

function versions(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('versions', named, ['NAME']);
  return async (agents, { tenantId }) => {
    const view = await agents.versions(tenantId, name);
    if (call.terminal.isJson) call.terminal.print(view);
    else tellVersions(call.terminal, view);
  };
}

function tellVersions(terminal: Terminal, { name, version, versions: all }: AgentVersions): void {
  const rows = all.map(({ version: each, digest, publishedAt, publishedBy, runs, inForce }) => [
    ...[String(each), digest.slice(0, 12), publishedAt.toISOString(), oneLine(publishedBy)],
    ...[countOf(runs, 'run'), inForce ? 'in force' : ''],
  ]);
  for (const line of table(rows, [0])) terminal.say(line.trimEnd());
  if (version === null) terminal.say(`${name} is deleted; tutti agent rollback ${name} --to N`);
}

function rollback(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('rollback', named, ['NAME']);
  const to = numberOf(call, 'to');
  return async (agents, speaking) =>
    done(call, await agents.rollBack(speaking, name, to), 'rolled back');
}

function done({ terminal }: Call, made: MadeNow, what: string): void {
  if (terminal.isJson) return terminal.print(made);
  const { name, version, needsModel } = made.agent;
  terminal.say(
    made.isNew
      ? `${name} is ${what}: version ${version}${needsModel ? '; it works with a model only' : ''}.`
      : `${name} was that already: version ${version}.`,
  );
  for (const warning of made.warnings) terminal.warn(warning);
  for (const { workflow, message } of made.breaks) terminal.warn(`${workflow}: ${message}`);
}

/** @throws INPUT_INVALID · AGENT_INVALID */
function fileOf({ args }: Call): Written | null {
  const file = args.text('file');
  if (file === undefined) return null;
  const read = readAgentDocument(readText(file), { file });
  if (read instanceof Object && !Array.isArray(read)) return read as Written;
  throw wrong(`finds no agent in '${file}'`);
}

function flagsOf({ args }: Call): Written {
  const [instructions, tools] = [args.text('instructions'), args.text('tools')];
  const told = {
    ...{ template: args.text('template'), purpose: args.text('purpose') },
    ...{ model: args.text('model') },
    instructions: instructions?.startsWith('@') ? readText(instructions.slice(1)) : instructions,
    tools: tools?.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()])),
  };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

function numberOf({ args }: Call, flag: 'version' | 'to'): number | undefined {
  return args.integer(flag, { from: 1, to: 2 ** 31 - 1 });
}

/** @throws INPUT_INVALID unless there are exactly the names that an action takes */
function namesOf(action: string, named: readonly string[], wanted: readonly string[]): string[] {
  if (named.length === wanted.length) return [...named];
  throw wrong(`${action} takes ${wanted.join(' and ') || 'no name: use --name'}`);
}
