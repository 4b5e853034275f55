import { EngineError } from '../../core/base/errors.ts';
import { SettingStore } from '../../core/engine/recovery/setting-store.ts';
import type { Grantee } from '../../core/engine/tools/grants.ts';
import type { ToolDetail, ToolView } from '../../core/engine/tools/tool-view.ts';
import { Tools } from '../../core/engine/tools/tools.ts';
import type { ToolUse } from '../../core/engine/tools/usage.ts';
import { withTenant } from '../call-host.ts';
import { askedDays, type Call, type Command } from '../command.ts';
import { actorOfCall } from '../operator.ts';
import { type Terminal, table } from '../terminal.ts';
import { usualDays } from '../usages/amounts.ts';

/** `tutti tools`: what tools there are, how they are used, and who may use them. */
export const tools: Command = (call) => {
  const act = actionOf(call);
  const days = askedDays(call.args) ?? usualDays;
  return withTenant(call, async (host, tenantId) => {
    const settings = new SettingStore(host.database, host);
    await act({ all: new Tools(host.database, settings, host), tenantId, days });
  });
};

interface Place {
  readonly all: Tools;
  readonly tenantId: number;
  readonly days: number;
}

/** What a call asks for; wrong ones are refused before anything is opened. @throws INPUT_INVALID */
function actionOf(call: Call): (place: Place) => Promise<void> {
  const { args, terminal } = call;
  const [verb, tool] = args.positionals;
  if (verb === undefined)
    return async ({ all, tenantId, days }) => {
      const category = args.text('category');
      const found = await all.list(tenantId, { days });
      const listed = found.filter((each) => (category ?? each.category) === each.category);
      if (terminal.isJson) terminal.print(listed);
      else showList(terminal, listed, days);
    };
  if (tool === undefined) throw misused();
  if (verb === 'show')
    return async ({ all, tenantId, days }) =>
      tell(terminal, await all.show(tenantId, tool, { days }));
  if (verb !== 'grant' && verb !== 'revoke') throw misused();
  const to = granteeOf(call);
  const actor = actorOfCall(call);
  return async ({ all, tenantId }) =>
    tell(terminal, await all[verb]({ ...to, tenantId, tool, actor }));
}

function granteeOf({ args }: Call): Grantee {
  const [agent, role] = [args.text('agent'), args.text('role')];
  if (agent !== undefined && role === undefined) return { agent };
  if (role !== undefined && agent === undefined) return { role };
  throw misused();
}

function misused(): EngineError {
  return new EngineError(
    'INPUT_INVALID',
    'tutti tools takes nothing, show TOOL, or grant or revoke TOOL with either --agent or --role; see: tutti help tools',
  );
}

function showList(terminal: Terminal, listed: readonly ToolView[], days: number): void {
  const head = [
    'tool',
    'category',
    'effect',
    'access',
    'outside',
    'limit',
    'calls',
    'failed',
    'median',
  ];
  const rows = listed.map(({ use, ...tool }) => [
    tool.name,
    tool.category,
    tool.effect,
    tool.access,
    tool.outside.join(' '),
    limitOf(tool.limit),
    String(use?.calls ?? 0),
    String(use?.failures ?? 0),
    msOf(use?.medianMs),
  ]);
  for (const line of table([head, ...rows], [6, 7, 8])) terminal.say(line.trimEnd());
  terminal.say(`${listed.length} tools; calls of the last ${days} days.`);
}

function limitOf(limit: ToolView['limit']): string {
  return Object.entries(limit ?? {})
    .map(([name, value]) => `${value} ${words[name] ?? name}`)
    .join(', ');
}

const words: Readonly<Record<string, string>> = {
  requestsPerMinute: '/min',
  requestsPerHour: '/h',
  requestsPerDay: '/day',
  concurrency: 'at once',
};

function msOf(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '' : `${ms} ms`;
}

function tell(terminal: Terminal, tool: ToolDetail): void {
  if (terminal.isJson) return terminal.print(tool);
  terminal.say(terminal.bold(tool.name));
  terminal.say(tool.description);
  const facts = [
    ['category', tool.category],
    ['effect', [tool.effect, tool.scope && `once a ${tool.scope}`].filter(Boolean).join(', ')],
    ['access', tool.access],
    ['outside', tool.outside.join(', ') || 'nothing'],
    ['limit', limitOf(tool.limit) || 'none'],
    ['time', `${tool.timeoutMs} ms`],
    ['undo', undoOf(tool.undo)],
    ['parameters', JSON.stringify(tool.parameters)],
    ['result', JSON.stringify(tool.result)],
  ];
  for (const line of table(facts)) terminal.say(`  ${line}`);
  list(terminal, 'May call it', [
    ...tool.callers.map(({ agent, by }) => [agent, by === 'nobody' ? 'refused' : `by ${by}`]),
    ...tool.grants.flatMap(({ roles = [] }) => roles.map((role) => [`role ${role}`, 'by grant'])),
  ]);
  list(
    terminal,
    'Calls by agent',
    tool.byAgent.map((use) => [use.agent, ...numbersOf(use)]),
  );
  list(
    terminal,
    'Calls by day',
    tool.byDay.map((use) => [use.day, ...numbersOf(use)]),
  );
}

function undoOf(undo: ToolDetail['undo']): string {
  if (undo === null) return 'nothing to undo';
  return 'action' in undo ? `action ${undo.action}` : `none: ${undo.none}`;
}

function numbersOf({ calls, failures, refusals, p95Ms }: ToolUse): readonly string[] {
  const parts = [`${calls} calls`, `${failures} failed`, `${refusals} refused`];
  return p95Ms === null ? parts : [...parts, `95 % within ${p95Ms} ms`];
}

function list(terminal: Terminal, title: string, rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return;
  terminal.say(`  ${title}:`);
  for (const line of table(rows)) terminal.say(`    ${line.trimEnd()}`);
}
