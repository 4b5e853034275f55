import { existsSync } from 'node:fs';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import { installation } from '../../core/engine/recovery/setting-kinds.ts';
import { SettingStore, type SettingView } from '../../core/engine/recovery/setting-store.ts';
import { type SettledConfig, settleConfig } from '../../core/ports/settle-config.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { withHost } from '../call-host.ts';
import { configOf, hostOptions, readingTenant } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { faultsOf } from '../config-faults.ts';
import { configRows } from '../config-rows.ts';
import { readConfig } from '../configuration.ts';
import { oneLine, shortened, table } from '../terminal.ts';

const actions: Readonly<Record<string, (call: Call) => Promise<number>>> = { check, show };

/** Characters of a value on the terminal; JSON has it whole. */
const shownCharacters = 80;

/** `tutti config`: what an installation is told, by whom, and whether it is right. */
export const config: Command = (call) => {
  const [action = ''] = call.args.positionals;
  if (Object.hasOwn(actions, action)) return (actions[action] as typeof check)(call);
  throw new EngineError(
    'INPUT_INVALID',
    `tutti config takes ${Object.keys(actions).join(' or ')}, not '${action}'; see: tutti help config`,
  );
};

async function check(call: Call): Promise<number> {
  const { terminal } = call;
  const faults = await readFaults(call);
  if (terminal.isJson) terminal.print({ faults });
  else if (faults.length === 0) terminal.say('The configuration is right.');
  else {
    for (const fault of faults) terminal.say(oneLine(fault));
    terminal.say(`${countOf(faults.length, 'fault')}.`);
  }
  return faults.length === 0 ? exit.done : exit.usage;
}

/** A file that cannot be found or loaded is a fault like any other. */
async function readFaults(call: Call): Promise<readonly string[]> {
  const scrubber = new Scrubber(call.env);
  try {
    return scrubber.data(await faultsOf(await settled(call), call.env), 'text');
  } catch (error) {
    return [scrubber.text(toErrorData(error).message)];
  }
}

async function settled(call: Call): Promise<SettledConfig> {
  return settleConfig(await readConfig(configOf(call)), call.env);
}

async function show(call: Call): Promise<number> {
  const { terminal, args, env } = call;
  const known = await settled(call);
  const { settings, told } =
    known.faults.length > 0
      ? { settings: null, told: `${countOf(known.faults.length, 'fault')}: tutti config check` }
      : await readSettings(call);
  const given = new Set(args.text('profile') === undefined ? [] : ['profile']);
  const rows = configRows({ settled: known, env, flags: given, settings });
  if (terminal.isJson) terminal.print({ profile: known.profile, values: rows, settings: told });
  else {
    const cells = rows.map(({ path, value, source }) => [path, shorten(value), source]);
    for (const line of table([['what', 'value', 'by'], ...cells])) terminal.say(line);
    terminal.say(told);
  }
  return known.faults.length > 0 ? exit.usage : exit.done;
}

interface ReadSettings {
  readonly settings: readonly SettingView[] | null;
  /** What people are told of it. */
  readonly told: string;
}

/** Settings are in the database; an embedded one that nobody has made yet is not made for this. */
async function readSettings(call: Call): Promise<ReadSettings> {
  const { databaseUrl, dataFolder } = hostOptions(call);
  if (databaseUrl === undefined && !existsSync(dataFolder))
    return { settings: null, told: 'No settings: there is no database yet.' };
  try {
    return await withHost(call, async (host) => {
      const tenantId = (await readingTenant(host, {})) ?? installation;
      const settings = await new SettingStore(host.database, host).list(tenantId);
      const set = settings.filter(({ source }) => source === 'setting').length;
      return { settings, told: `${countOf(set, 'setting')} in the database: tutti settings` };
    });
  } catch (error) {
    const { code, message } = toErrorData(error);
    return { settings: null, told: oneLine(`No settings could be read: ${code}: ${message}`) };
  }
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'not set');
  return shortened(text, shownCharacters);
}
