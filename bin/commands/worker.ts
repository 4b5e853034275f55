import { systemClock } from '../../core/base/clock.ts';
import { EngineError } from '../../core/base/errors.ts';
import { usualMachinesPort } from '../../core/ports/machines-config.ts';
import { chooseProfiles, rehearsedProfiles } from '../../core/ports/models/profiles.ts';
import type { EngineAddress } from '../../worker/machines/link.ts';
import { Machine } from '../../worker/machines/machine.ts';
import { readPapers } from '../../worker/machines/papers.ts';
import { hostOptions } from '../call-reading.ts';
import { type Call, type Command, drainMsOf, exit } from '../command.ts';
import { openConfig } from '../configuration.ts';
import { HostTelemetry } from '../host-telemetry.ts';
import { say } from '../introduction.ts';
import { groundOf } from '../parts/ground-of.ts';
import { version } from '../version.ts';

/** `tutti worker`: lanes for engines of other machines, until a signal comes. */
export const worker: Command = async (call) => {
  const engines = enginesOf(call);
  const pools = listOf(call, 'pool');
  const lanes = call.args.integer('lanes', { from: 1, to: 64 }) ?? 1;
  const options = hostOptions(call);
  const { configUrl, databaseUrl, dataFolder } = options;
  const { config } = await openConfig(options);
  if (!config.machines) throw missing('`machines` in the configuration, with its certificate');
  if (!databaseUrl) throw missing('DATABASE_URL, the server that its engines use, too');
  const connection = { connectionString: databaseUrl };
  const ground = await groundOf(config, { connection, env: call.env });
  const telemetry = new HostTelemetry(call.env, { log: config.log });
  await telemetry.log.open();
  const machine = new Machine({
    ...{ engines, lanes, clock: systemClock, log: telemetry.log },
    papers: readPapers(config.machines, configUrl),
    greeting: { kind: 'greeting', pools, ground },
    setup: {
      ...{ configUrl, connection, dataFolder, profile: call.env.TUTTI_PROFILE },
      profiles: chooseProfiles(config.models, call.env) ?? rehearsedProfiles(config.models),
    },
  });
  call.terminal.say(call.terminal.bold(`Tutti ${version}`));
  say(call, 'Pools', pools.join(', '));
  say(call, 'Engines', engines.map(({ host, port }) => `${host}:${port}`).join(', '));
  call.terminal.say('Working until Ctrl-C.');
  await call.interrupt.came;
  call.terminal.say(
    'Ending: nothing new is taken; what runs gets its time. Ctrl-C again ends at once.',
  );
  const drainMs = drainMsOf(config);
  const late = new Promise<void>((resolve) => systemClock.after(drainMs, resolve));
  await Promise.race([machine.leave(), late]);
  await machine.close();
  return exit.done;
};

/** @throws INPUT_INVALID */
function enginesOf(call: Call): readonly EngineAddress[] {
  return listOf(call, 'engine').map((address) => {
    const url = URL.parse(address);
    const { hostname = '', port = '', protocol } = url ?? {};
    if (protocol === 'tls:' && hostname !== '')
      return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || usualMachinesPort) };
    throw new EngineError(
      'INPUT_INVALID',
      `'${address}' is no address of an engine; write tls://host:${usualMachinesPort}`,
    );
  });
}

/** @throws INPUT_INVALID */
function listOf({ args }: Call, flag: string): readonly string[] {
  const names = (args.text(flag) ?? '').split(',').filter((name) => name !== '');
  if (names.length > 0) return names;
  throw new EngineError('INPUT_INVALID', `tutti worker needs --${flag}; see: tutti help worker`);
}

function missing(what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `A worker needs ${what}.`);
}
