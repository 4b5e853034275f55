import type { Change } from '../../core/engine/policies/change.ts';
import type {
  Checked,
  Policies,
  PolicyVersions,
  Wish,
} from '../../core/engine/policies/policies.ts';
import type { Said, Speaker } from '../../core/engine/policies/speaking.ts';
import type { Policy } from '../../core/sdk/policy/policy.ts';
import { checkPolicyDocument, readPolicyDocument } from '../../core/sdk/policy/policy-document.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { actionIn, wrongUse } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import type { Call, Command } from '../command.ts';
import { readMoment } from '../moment.ts';
import { actorOfCall, personOfCall } from '../operator.ts';
import { policiesOf } from '../parts/policies-of.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';
import { readText } from '../workflow-versions.ts';

const wrong = wrongUse('policy');

type Act = (policies: Policies, speaker: Speaker) => Promise<void>;

const actions: Readonly<Record<string, (call: Call, named: readonly string[]) => Act>> = {
  ...{ list, show, check, diff, draft, publish, rollback, withdraw, agree },
};

/** `tutti policy`: what agents may do, in versions: writes, compares and publishes them while engines run. */
export const policy: Command = (call) => {
  const [action = '', ...named] = call.args.positionals;
  // Read before anything is opened: a wrong flag costs no start.
  const act = actionIn('policy', actions, action)(call, named);
  const actor = actorOfCall(call);
  return withTenant(call, (host, tenantId) => act(policiesOf(host), { tenantId, actor }));
};

function list({ terminal }: Call, named: readonly string[]): Act {
  namesOf('list', named, []);
  return async (policies, { tenantId }) => {
    const all = await policies.list(tenantId);
    if (terminal.isJson) return terminal.print(all);
    const rows = all.map(({ policy: { name, grants, tiers = [], duties = [] }, ...view }) => [
      ...[name, view.version === null ? 'the code' : `version ${view.version}`],
      `${countOf(grants.length, 'grant')}, ${countOf(tiers.length, 'tier')}, ${duties.length} duties apart`,
    ]);
    for (const line of table(rows)) terminal.say(line);
    for (const { policy: each, fault } of all)
      if (fault !== null) terminal.warn(oneLine(`'${each.name}' would be refused now: ${fault}`));
  };
}

function show(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('show', named, ['NAME']);
  const version = versionOf(call);
  const { terminal } = call;
  return async (policies, { tenantId }) => {
    if (version !== undefined) {
      const [found] = await policies.show(tenantId, name, version);
      return terminal.print(documentOf(found as Policy));
    }
    const view = await policies.versions(tenantId, name);
    if (terminal.isJson) return terminal.print(view);
    if (view.takes !== 'nothing')
      for (const each of await policies.show(tenantId, name)) terminal.print(documentOf(each));
    tellVersions(terminal, view);
  };
}

function documentOf({ kind: _, version: __, ...document }: Policy): object {
  return document;
}

function tellVersions(terminal: Terminal, view: PolicyVersions): void {
  const rows = view.versions.map(({ version, digest, publishedAt, publishedBy, runs, inForce }) => [
    ...[String(version), digest.slice(0, 12), publishedAt.toISOString(), oneLine(publishedBy)],
    ...[countOf(runs, 'run'), inForce ? 'in force' : ''],
  ]);
  for (const line of table(rows, [0])) terminal.say(line.trimEnd());
  const takes = {
    version: `version ${view.version}`,
    code: 'what the code says',
    nothing: 'nothing',
  };
  terminal.say(`What counts is ${takes[view.takes]}.`);
  for (const { version, effective, actor } of view.pending)
    terminal.say(
      `${wordOf(version)} from ${effective?.toISOString()} on, by ${oneLine(actor.id)}.`,
    );
  for (const { no, version, actor, changes } of view.asks) {
    const how = `tutti policy agree ${view.name} ${no}`;
    terminal.say(
      `${wordOf(version)} waits for a second person; ${oneLine(actor.id)} has asked: ${how}`,
    );
    tellChanges(terminal, changes);
  }
}

function wordOf(version: number | null): string {
  return version === null ? 'What the code says' : `Version ${version}`;
}

/** A file is read as a document, anything else is a name. */
function check(call: Call, named: readonly string[]): Act {
  const [what = ''] = namesOf('check', named, ['FILE|NAME']);
  const written = documentIn(what);
  const version = versionOf(call);
  return async (policies, { tenantId }) => {
    const asked = written ? { written } : { version };
    const found = await policies.check(tenantId, written?.name ?? what, asked);
    if (call.terminal.isJson) call.terminal.print(found);
    else tellChecked(call.terminal, found);
  };
}

function tellChecked(terminal: Terminal, { name, fault, warnings, changes, calls }: Checked): void {
  if (fault !== null) terminal.warn(oneLine(`'${name}' would be refused: ${fault}`));
  for (const each of warnings) terminal.warn(oneLine(`warning: ${each}`));
  tellChanges(terminal, changes);
  terminal.say(
    calls.length === 0
      ? 'Of the agents and tools that there are, nothing is decided otherwise.'
      : 'Of the agents and tools that there are:',
  );
  if (calls.length > 0) tellChanges(terminal, calls);
}

function tellChanges(terminal: Terminal, changes: readonly Change[]): void {
  if (changes.length === 0) terminal.say('Nothing is decided otherwise by it.');
  for (const { direction, text } of changes) terminal.say(oneLine(`  ${direction}: ${text}`));
}

function diff(call: Call, named: readonly string[]): Act {
  const [name = '', from = '', to = ''] = namesOf('diff', named, ['NAME', 'N', 'M']);
  const between = { from: numberOf(from), to: numberOf(to) };
  return async (policies, { tenantId }) => {
    const changes = await policies.diff(tenantId, name, between);
    if (call.terminal.isJson) call.terminal.print(changes);
    else tellChanges(call.terminal, changes);
  };
}

function draft(call: Call, named: readonly string[]): Act {
  const [file = ''] = namesOf('draft', named, ['FILE']);
  const written = documentIn(file);
  if (!written) throw wrong('draft needs a FILE, .yaml or .json');
  return async (policies, speaker) => {
    const { version, isNew } = await policies.draft(speaker, written.name, written);
    const { terminal } = call;
    if (terminal.isJson) return terminal.print({ name: written.name, version, isNew });
    const how = isNew ? 'is stored' : 'was stored already';
    terminal.say(`Version ${version} of '${written.name}' ${how}; it is not in force by that.`);
  };
}

function publish(call: Call, named: readonly string[]): Act {
  const [what = ''] = namesOf('publish', named, ['FILE|NAME']);
  const written = documentIn(what);
  const wish = wishOf(call);
  return async (policies, speaker) => {
    const name = written?.name ?? what;
    const stored = written && (await policies.draft(speaker, name, written));
    const said = await policies.publish(speaker, name, {
      ...wish,
      ...(stored && { version: stored.version }),
    });
    tellSaid(call.terminal, said);
  };
}

function rollback(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('rollback', named, ['NAME']);
  const wish = wishOf(call);
  return async (policies, speaker) =>
    tellSaid(call.terminal, await policies.rollBack(speaker, name, wish));
}

function withdraw(call: Call, named: readonly string[]): Act {
  const [name = ''] = namesOf('withdraw', named, ['NAME']);
  const { from } = wishOf(call);
  return async (policies, speaker) =>
    tellSaid(call.terminal, await policies.withdraw(speaker, name, { from }));
}

function agree(call: Call, named: readonly string[]): Act {
  const [name = '', no = ''] = namesOf('agree', named, ['NAME', 'NO']);
  const person = personOfCall(call);
  return async (policies, speaker) =>
    tellSaid(call.terminal, await policies.agree({ ...speaker, person }, name, numberOf(no)));
}

function tellSaid(terminal: Terminal, said: Said): void {
  if (terminal.isJson) return terminal.print(said);
  const { name, version, state, ask, from, changes, warnings } = said;
  const what =
    version === null ? `What the code says of '${name}'` : `Version ${version} of '${name}'`;
  const became = {
    in_force: 'is in force: engines go by it within a second.',
    scheduled: `counts from ${from?.toISOString()} on.`,
    same: 'was in force already.',
    asked: `is wider and waits for a second person: tutti policy agree ${name} ${ask}`,
  };
  terminal.say(`${what} ${became[state]}`);
  tellChanges(terminal, changes);
  for (const each of warnings) terminal.warn(oneLine(`warning: ${each}`));
}

/** @throws INPUT_INVALID · POLICY_INVALID */
function documentIn(file: string): ReturnType<typeof checkPolicyDocument> | undefined {
  if (!/\.(ya?ml|json)$/i.test(file)) return undefined;
  return checkPolicyDocument(readPolicyDocument(readText(file), { file }));
}

function wishOf(call: Call): Wish {
  const from = call.args.text('from');
  return {
    version: versionOf(call),
    ...(from !== undefined && { from: readMoment('from', from) }),
  };
}

function versionOf({ args }: Call): number | undefined {
  return args.integer('version', { from: 1, to: 2 ** 31 - 1 });
}

/** @throws INPUT_INVALID */
function numberOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw wrong(`takes a number, not '${text.slice(0, 40)}'`);
}

/** @throws INPUT_INVALID unless there are exactly the names that an action takes */
function namesOf(action: string, named: readonly string[], wanted: readonly string[]): string[] {
  if (named.length === wanted.length) return [...named];
  throw wrong(`${action} takes ${wanted.join(' and ') || 'no name'}`);
}
