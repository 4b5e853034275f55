import { EngineError } from '../../core/base/errors.ts';
import { encryptStored } from '../../core/engine/encryption/encrypt.ts';
import { rotateKeys } from '../../core/engine/encryption/rotate.ts';
import { encryptionStatus } from '../../core/engine/encryption/status.ts';
import { type MasterKeys, readMasterKeys } from '../../core/ports/encryption/master-keys.ts';
import { countOf, formatCount } from '../../core/service/batch/format.ts';
import { actionIn } from '../arguments.ts';
import { withReading } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { operator } from '../operator.ts';
import type { Reading } from '../reading.ts';
import { table } from '../terminal.ts';
import { formatBytes } from './retention.ts';

type Act = (call: Call, reading: Reading) => Promise<number>;

/** `tutti encryption`: how bodies lie in the database, a new master key, and what was stored before encryption was switched on. */
export const encryption: Command = (call) => {
  const act = actionIn('encryption', acts, call.args.positionals[0] ?? '');
  return withReading(call, (reading) => act(call, reading));
};

const acts: Readonly<Record<string, Act>> = {
  async status({ terminal, env }, { config, database }) {
    const masterKey = config.encryption ? readMasterKeys(config.encryption, env).current.id : null;
    const keys = await encryptionStatus(database);
    if (terminal.isJson) terminal.print({ masterKey, keys });
    else {
      terminal.say(masterKey ? `Encrypted under master key ${masterKey}.` : 'Not encrypted.');
      const rows = keys.map(({ key, bodies, bytes }) => [
        ...[key, formatCount(bodies), formatBytes(bytes)],
      ]);
      for (const line of table([['Key', 'Bodies', 'Size'], ...rows], [1, 2])) terminal.say(line);
    }
    return exit.done;
  },

  async rotate({ terminal, env, interrupt }, { config, database }) {
    const { signal } = interrupt;
    const asked = { actor: operator(), signal };
    const rotated = await rotateKeys(database, mastersOf(config, env), asked);
    const { keys, left } = rotated;
    if (terminal.isJson) terminal.print(rotated);
    else terminal.say(`Sealed ${countOf(keys, 'data key')} under the new master key.`);
    if (left === 0) return exit.done;
    terminal.warn(
      signal.aborted
        ? `Interrupted; ${countOf(left, 'data key')} left. Call it again to go on.`
        : `${countOf(left, 'data key')} were sealed under an earlier master key meanwhile: give every process the new one, then call it again.`,
    );
    return exit.partial;
  },

  async apply({ terminal, env, interrupt }, { config, database }) {
    mastersOf(config, env);
    const { signal } = interrupt;
    const encrypted = await encryptStored(database, { actor: operator(), signal });
    const { bodies, runs } = encrypted;
    if (terminal.isJson) terminal.print(encrypted);
    else terminal.say(`Encrypted ${countOf(bodies, 'body', 'bodies')} of ${countOf(runs, 'run')}.`);
    if (!signal.aborted) return exit.done;
    terminal.warn('Interrupted. Call it again to go on.');
    return exit.partial;
  },
};

/** @throws CONFIG_INVALID where nothing is encrypted · ENCRYPTION_KEY */
function mastersOf({ encryption }: Reading['config'], env: Call['env']): MasterKeys {
  if (encryption) return readMasterKeys(encryption, env);
  throw new EngineError(
    'CONFIG_INVALID',
    "The configuration says nothing of encryption; name the variable with the master key first: encryption: { keyFrom: 'TUTTI_ENCRYPTION_KEY' }",
  );
}
