import { EngineError } from '../../base/errors.ts';
import { readSecret } from '../secret.ts';
import type { HttpConfig } from './config.ts';

/** Headers of the configuration for an address, with their values from the environment. @throws CONFIG_INVALID for one that is not set */
export function secretHeaders(
  config: NonNullable<HttpConfig['headersFrom']>,
  env: NodeJS.ProcessEnv,
): (url: URL) => readonly (readonly [string, string])[] {
  const byHost = new Map(
    Object.entries(config).map(([host, names]) => [host.toLowerCase(), Object.entries(names)]),
  );
  return (url) =>
    (byHost.get(url.hostname) ?? []).map(([header, name]) => {
      const value = readSecret(name, env);
      if (value) return [header, value];
      throw new EngineError(
        'CONFIG_INVALID',
        `Environment variable '${name}', which holds header '${header}' for '${url.hostname}', is not set.`,
      );
    });
}
