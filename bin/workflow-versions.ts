import { readFileSync } from 'node:fs';
import { EngineError } from '../core/base/errors.ts';
import type { MemberChange, WorkflowDiff } from '../core/engine/versions/diff.ts';
import { type InForceNow, Versions, type VersionsView } from '../core/engine/versions/versions.ts';
import { readDocument } from '../core/sdk/document/document.ts';
import type { WorkflowData } from '../core/sdk/node.ts';
import { countOf } from '../core/service/batch/format.ts';
import { wrongUse } from './arguments.ts';
import { withTenant } from './call-host.ts';
import type { Call } from './command.ts';
import type { Host } from './host.ts';
import { operator } from './operator.ts';
import { oneLine, type Terminal, table } from './terminal.ts';

/** A call of `tutti workflow` that cannot be. */
export const wrong: (what: string) => EngineError = wrongUse('workflow');

/** What of `tutti workflow` keeps versions; each takes what stands after its name. */
export const versionActions = { versions, publish, rollback, release, diff } as const;

const versionsOf = ({ store, registry }: Host): Versions =>
  new Versions(store.definitions, registry);

async function versions(call: Call, named: readonly string[]): Promise<number> {
  const [name] = namesOf(named, 'versions', ['[NAME]']);
  const { terminal } = call;
  return withTenant(call, async (host, tenantId) => {
    if (name !== undefined) {
      const view = await versionsOf(host).list(tenantId, name);
      return terminal.isJson ? terminal.print(view) : tellVersions(terminal, view);
    }
    const all = await versionsOf(host).all(tenantId);
    if (terminal.isJson) return terminal.print(all);
    if (all.length === 0) terminal.say('No version is stored yet: the first run stores one.');
    const rows = all.map(({ name, version, runs, inForce }) => [
      ...[name, String(version), countOf(runs, 'run')],
      inForce ? 'in force' : '',
    ]);
    for (const line of table(rows, [1])) terminal.say(line);
  });
}

function tellVersions(terminal: Terminal, view: VersionsView): void {
  const rows = view.versions.map(({ version, digest, publishedAt, publishedBy, runs, inForce }) => [
    ...[String(version), digest.slice(0, 12), publishedAt.toISOString(), publishedBy],
    countOf(runs, 'run'),
    inForce ? 'in force' : version === view.version ? 'of the code' : '',
  ]);
  for (const line of table(rows, [0])) terminal.say(line);
  terminal.say(takesOf(view));
}

function takesOf({ name, takes, version, history }: VersionsView): string {
  const said = history[0];
  const how = { published: 'published', rolled_back: 'rolled back', released: '' };
  if (takes === 'version')
    return `A plain run takes version ${version}, ${how[said?.how ?? 'published']} by ${oneLine(said?.actor.id ?? '')}.`;
  if (takes === 'nothing')
    return `No version is in force and no code has it: tutti run ${name} --version N, or roll back to one.`;
  const which = version === null ? 'which is not stored yet' : `which is version ${version}`;
  return `A plain run takes what the loaded code says, ${which}.`;
}

async function publish(call: Call, named: readonly string[]): Promise<number> {
  const [what = ''] = namesOf(named, 'publish', ['FILE|NAME']);
  const written = /\.(ya?ml|json)$/i.test(what) ? dataIn(what) : undefined;
  const name = written?.name ?? what;
  return withTenant(call, async (host, tenantId) => {
    const spoken = { tenantId, name, actor: operator() };
    const done = await versionsOf(host).publish(spoken, written);
    tellInForce(call.terminal, done, 'was in force already: this is the same data.');
  });
}

/** @throws INPUT_INVALID · WORKFLOW_INVALID */
function dataIn(file: string): WorkflowData {
  const { data, faults } = readDocument(readText(file), { file });
  if (data) return data;
  const lines = faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
  throw new EngineError('WORKFLOW_INVALID', `${lines[0]}; see: tutti workflow check ${file}`);
}

/** @throws INPUT_INVALID */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new EngineError(
      'INPUT_INVALID',
      `Tutti cannot read '${file}': ${(error as Error).message}; name a file that it can.`,
    );
  }
}

async function rollback(call: Call, named: readonly string[]): Promise<number> {
  const [name = ''] = namesOf(named, 'rollback', ['NAME']);
  const to = call.args.integer('to', { from: 1, to: 2 ** 31 - 1 });
  return withTenant(call, async (host, tenantId) => {
    const done = await versionsOf(host).rollBack({ tenantId, name, actor: operator() }, to);
    tellInForce(call.terminal, done, 'was in force already.');
  });
}

async function release(call: Call, named: readonly string[]): Promise<number> {
  const [name = ''] = namesOf(named, 'release', ['NAME']);
  const { terminal } = call;
  return withTenant(call, async (host, tenantId) => {
    const done = await versionsOf(host).release({ tenantId, name, actor: operator() });
    if (terminal.isJson) return terminal.print(done);
    const hasCode = host.registry.workflows.has(name);
    const then = hasCode ? 'what the loaded code says' : 'nothing: no code has it';
    terminal.say(`A plain run of '${name}' takes ${then}.`);
  });
}

function tellInForce(terminal: Terminal, done: InForceNow, already: string): void {
  if (terminal.isJson) return terminal.print(done);
  const { name, version, isNew, breaks } = done;
  const said = isNew ? 'is in force; runs that live keep theirs.' : already;
  terminal.say(`Version ${version} of '${name}' ${said}`);
  for (const { workflow, message } of breaks)
    terminal.warn(oneLine(`warning: '${workflow}' no longer fits it: ${message}`));
}

async function diff(call: Call, named: readonly string[]): Promise<number> {
  const [name = '', from = '', to = ''] = namesOf(named, 'diff', ['NAME', 'N', 'M']);
  const between = { from: numberOf(from), to: numberOf(to) };
  const { terminal } = call;
  return withTenant(call, async (host, tenantId) => {
    const found = await versionsOf(host).diff(tenantId, name, between);
    if (terminal.isJson) terminal.print(found);
    else tellDiff(terminal, found);
  });
}

function tellDiff(
  terminal: Terminal,
  { isSame, members, added, removed, changed, isReordered }: WorkflowDiff,
): void {
  if (isSame) terminal.say('The two versions say the same.');
  for (const { node, kind } of added) terminal.say(`+ ${oneLine(node)} (${kind})`);
  for (const { node, kind } of removed) terminal.say(`- ${oneLine(node)} (${kind})`);
  for (const { node, members: own } of changed) {
    terminal.say(`~ ${oneLine(node)}`);
    for (const each of own) terminal.say(`    ${lineOf(each)}`);
  }
  if (members.length > 0) terminal.say('~ the workflow itself');
  for (const each of members) terminal.say(`    ${lineOf(each)}`);
  if (isReordered) terminal.say('~ the order of its nodes');
}

function lineOf({ path, before, after }: MemberChange): string {
  return oneLine(`${path}: ${shown(before)} → ${shown(after)}`);
}

function shown(value: unknown): string {
  const text = value === undefined ? '–' : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** The number of a version. @throws INPUT_INVALID */
function numberOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw wrong(`takes the number of a version, not '${text.slice(0, 40)}'`);
}

/** What stands after an action's name. @throws INPUT_INVALID when there is too little or too much of it */
export function namesOf(
  named: readonly string[],
  action: string,
  wanted: readonly string[],
): readonly string[] {
  const missing = wanted.slice(named.length).find((each) => !each.startsWith('['));
  if (missing === undefined && named.length <= wanted.length) return named;
  throw wrong(`${action} needs ${wanted.join(' ')}`);
}

/** One version, or what a plain run takes, from the database. @throws WORKFLOW_UNKNOWN */
export async function storedData(
  call: Call,
  name: string,
  version: number | undefined,
): Promise<WorkflowData> {
  let data: WorkflowData | undefined;
  await withTenant(call, async (host, tenantId) => {
    ({ data } = await versionsOf(host).find(tenantId, name, version));
  });
  return data as WorkflowData;
}
