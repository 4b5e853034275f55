import { EngineError } from '../../core/base/errors.ts';
import { SettingStore, type SettingView } from '../../core/engine/recovery/setting-store.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { withTenant } from '../call-host.ts';
import type { Call, Command } from '../command.ts';
import { operator } from '../operator.ts';
import { shortened, type Terminal, table } from '../terminal.ts';

/** Characters of a value in the list; a single setting is shown whole. */
const shownCharacters = 80;

/** `tutti settings`: what can be changed while engines run. */
export const settings: Command = (call) => {
  // Read before anything is opened: a wrong flag costs no start.
  const asked = askedSetting(call);
  return withTenant(call, async (host, tenantId) => {
    const store = new SettingStore(host.database, host);
    if (asked.name === null) list(call.terminal, await store.list(tenantId));
    else show(call.terminal, await act(store, tenantId, { ...asked, name: asked.name }));
  });
};

interface Asked {
  /** Null: all of them. */
  readonly name: string | null;
  /** Undefined: none was given; JSON has no such value. */
  readonly value: unknown;
  readonly isReset: boolean;
}

function askedSetting({ args }: Call): Asked {
  const named = args.positionals[0] ?? 'list';
  const name = named === 'list' ? null : named;
  const value = args.json('value');
  const isReset = args.has('reset');
  const isChange = value !== undefined || isReset;
  if ((isChange && name === null) || (value !== undefined && isReset)) {
    throw new EngineError(
      'INPUT_INVALID',
      'tutti settings takes --value or --reset, one of them, and only with NAME; see: tutti help settings',
    );
  }
  return { name, value, isReset };
}

function act(
  store: SettingStore,
  tenantId: number,
  { name, value, isReset }: Asked & { readonly name: string },
): Promise<SettingView> {
  if (value !== undefined) return store.put(tenantId, name, { value, actor: operator() });
  return isReset ? store.reset(tenantId, name, operator()) : store.get(tenantId, name);
}

function show(terminal: Terminal, view: SettingView): void {
  if (terminal.isJson) return terminal.print(view);
  terminal.say(`${view.name} (${sourceOf(view)}): ${view.about}`);
  if (view.fault !== null) terminal.say(`What is stored does not fit: ${view.fault}`);
  terminal.say(JSON.stringify(view.value, null, 2));
}

function list(terminal: Terminal, views: readonly SettingView[]): void {
  if (terminal.isJson) return terminal.print(views);
  const chosen = views.filter(
    ({ name, source, fault }) => name === 'breaker' || source !== 'default' || fault !== null,
  );
  const rows = chosen.map((view) => [
    view.name,
    sourceOf(view),
    shortened(JSON.stringify(view.value), shownCharacters),
  ]);
  for (const line of table([['setting', 'by', 'value'], ...rows])) terminal.say(line);
  const usual = views.filter(
    (view) => view.name.startsWith('recovery:') && !chosen.includes(view),
  ).length;
  if (usual > 0)
    terminal.say(
      `${countOf(usual, 'agent')} more: retry as limits.attempts says; see: tutti settings recovery:AGENT`,
    );
  terminal.say('Budgets have a list of their own: tutti budgets');
}

function sourceOf({ source, actor, fault }: SettingView): string {
  if (fault !== null && source !== 'setting') return `${source}, not the setting`;
  return source === 'setting' ? `set by ${actor?.id ?? ''}` : source;
}
