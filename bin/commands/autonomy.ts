import { EngineError } from '../../core/base/errors.ts';
import { type Level, resetLevel, setLevel } from '../../core/engine/authority/levels.ts';
import { SettingStore } from '../../core/engine/recovery/setting-store.ts';
import { withTenant } from '../call-host.ts';
import type { Call, Command } from '../command.ts';
import { operator } from '../operator.ts';
import { authorityOf } from '../parts/authority-of.ts';
import { table } from '../terminal.ts';

/** `tutti autonomy`: how far each agent may go with each tool, and changes of it while engines run. */
export const autonomy: Command = (call) => {
  checkCall(call);
  return withTenant(call, async (host, tenantId) => {
    const settings = new SettingStore(host.database, host);
    await change(call, settings, tenantId);
    const [agent, tool] = call.args.positionals;
    const levels = (await authorityOf(host).levels(tenantId)).filter(
      (each) => (agent ?? each.agent) === each.agent && (tool ?? each.tool) === each.tool,
    );
    if (call.terminal.isJson) return call.terminal.print(levels);
    const rows = merged(levels).map((each) => [
      each.agent,
      each.tool,
      each.company ?? 'all',
      each.autonomy,
      each.by,
    ]);
    for (const line of table([['agent', 'tool', 'company', 'may', 'by'], ...rows]))
      call.terminal.say(line);
  });
};

function checkCall({ args }: Call): void {
  const { length } = args.positionals;
  const isReset = args.has('reset');
  if (isReset ? length === 0 || length === 2 : length !== 2 || args.text('company') === undefined)
    return;
  throw new EngineError(
    'INPUT_INVALID',
    'tutti autonomy takes AGENT TOOL LEVEL to set, AGENT TOOL --reset to take back, or AGENT to show; see: tutti help autonomy',
  );
}

async function change({ args }: Call, settings: SettingStore, tenantId: number): Promise<void> {
  const [agent = '', tool = '', level] = args.positionals;
  const ask = { tenantId, agent, tool, company: args.text('company'), actor: operator() };
  if (level !== undefined) await setLevel(settings, ask, level);
  else if (args.has('reset') && agent === '') await settings.reset(tenantId, 'autonomy', ask.actor);
  else if (args.has('reset')) await resetLevel(settings, ask);
}

/** One row where all companies and the whole group have the same level by the same source. */
function merged(levels: readonly Level[]): readonly Level[] {
  const groups = new Map<string, Level[]>();
  for (const level of levels) {
    const name = `${level.agent} ${level.tool}`;
    groups.set(name, [...(groups.get(name) ?? []), level]);
  }
  return [...groups.values()].flatMap((group) => {
    const kinds = new Set(group.map((each) => `${each.autonomy} ${each.by}`));
    if (kinds.size > 1)
      return group.map((each) => ({ ...each, company: each.company ?? '(group)' }));
    return group.slice(0, 1);
  });
}
