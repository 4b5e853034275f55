import { randomBytes } from 'node:crypto';
import type { openDatabase } from '../../core/ports/db/database.ts';
import { scratchFolder } from './scratch.ts';

/** The variable with a master key of tests: where it is set, whatever tests open encrypts what it stores of runs. */
export const encryptedBy = 'TUTTI_TEST_ENCRYPTION';

/** A master key. */
export const newMasterKey = (): string => randomBytes(32).toString('base64');

/** How a database is opened in tests; undefined: nothing is encrypted. */
export function testEncryption(
  env: NodeJS.ProcessEnv = process.env,
): Parameters<typeof openDatabase>[0]['encryption'] {
  return env[encryptedBy] ? { config: { keyFrom: encryptedBy }, env } : undefined;
}

/** The same configuration, which also encrypts, as a file of its own. */
export function encryptedConfig(
  configUrl: string | URL,
  previousFrom: readonly string[] = [],
): string {
  const encryption = { keyFrom: encryptedBy, previousFrom };
  const folder = scratchFolder({
    'encrypted.config.mjs': `import config from '${configUrl}';
export default { ...config, encryption: ${JSON.stringify(encryption)} };`,
  });
  process.once('exit', () => folder[Symbol.dispose]());
  return `file://${folder.path}/encrypted.config.mjs`;
}
