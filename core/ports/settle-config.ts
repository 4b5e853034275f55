import { EngineError } from '../base/errors.ts';
import type { Config } from './config.ts';
import { faultsOfConfig } from './config-check.ts';
import { readEnvironment } from './config-environment.ts';
import type { ProfileName } from './deployment-config.ts';

/** Who says what a member holds; of several the first of these goes: environment, profile, file, default of the profile. */
export type ConfigSource =
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'profile'; readonly profile: ProfileName }
  | { readonly kind: 'file' }
  | { readonly kind: 'default'; readonly profile: ProfileName };

/** A configuration as it holds in a process. */
export interface SettledConfig {
  readonly config: Config;
  readonly profile: ProfileName;
  /** By path, `limits.threads`, or `modules` for a member that is no object; what is not in it is left at its default. */
  readonly sources: ReadonlyMap<string, ConfigSource>;
  /** Each as one sentence; nothing else may be trusted when there are any. */
  readonly faults: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

/** What a profile has when nobody says anything else. */
const profileDefaults: Readonly<Record<ProfileName, Partial<Config>>> = {
  development: {},
  staging: {},
  // Whoever runs it for a company means others to call it, and machines to read its log.
  production: { api: { keysOnly: true }, log: { form: 'json' } },
};

/** Puts file, profile and environment of a process together; faults are collected and not thrown. */
export function settleConfig(
  file: unknown,
  env: Readonly<Record<string, string | undefined>>,
): SettledConfig {
  const said = readEnvironment(env);
  const { profile } = said;
  const faults = [...faultsOfConfig(file), ...said.faults];
  const { profiles, ...own } = (isPlain(file) ? file : {}) as Partial<Config>;
  const sources = new Map<string, ConfigSource>();
  const config: Record<string, unknown> = {};
  const lay = (members: unknown, source: ConfigSource): void => {
    if (isPlain(members)) merge(config, members, (path) => sources.set(path, source));
  };
  lay(profileDefaults[profile], { kind: 'default', profile });
  lay(own, { kind: 'file' });
  lay(isPlain(profiles) ? profiles[profile] : undefined, { kind: 'profile', profile });
  for (const [path, { value, variable }] of said.members) {
    const [member = '', name = ''] = path.split('.');
    lay({ [member]: { [name]: value } }, { kind: 'environment', variable });
  }
  return { config: withFeatures(config as unknown as Config), profile, sources, faults };
}

/** The configuration as it holds in a process. @throws CONFIG_INVALID with the first fault, and all of them in its details */
export function readyConfig(
  file: unknown,
  { env, where }: { readonly env: NodeJS.ProcessEnv; readonly where: string },
): Config {
  const { config, faults } = settleConfig(file, env);
  const [first, ...rest] = faults;
  if (first === undefined) return config;
  const more = rest.length > 0 ? ` ${rest.length} more: tutti config check` : '';
  const message = `${where}: ${first.replace(/\.$/, '')}.${more}`;
  throw new EngineError('CONFIG_INVALID', message, { details: { issues: faults } });
}

function merge(config: Record<string, unknown>, members: Members, note: (path: string) => void) {
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    const before = config[name];
    if (!isPlain(value) || (before !== undefined && !isPlain(before))) {
      config[name] = value;
      note(name);
      continue;
    }
    const given = Object.entries(value).filter(([, each]) => each !== undefined);
    config[name] = { ...before, ...Object.fromEntries(given) };
    for (const [inner] of given) note(`${name}.${inner}`);
  }
}

/** Those that are switched off by what is not configured need no switch anywhere else. */
function withFeatures(config: Config): Config {
  const { alerts, ...rest } = config;
  const { batches: hasBatches = true, alerts: hasAlerts = true } = config.features ?? {};
  return Object.freeze({
    ...rest,
    ...(alerts !== undefined && hasAlerts && { alerts }),
    ...(!hasBatches && { batches: { ...config.batches, enabled: false } }),
  });
}

function isPlain(value: unknown): value is Members {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
