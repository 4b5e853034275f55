import { Scrubber } from '../core/base/telemetry/scrub.ts';
import type { SettingView } from '../core/engine/recovery/setting-store.ts';
import { configVariables } from '../core/ports/config-environment.ts';
import { configMemberNotes } from '../core/ports/config-notes.ts';
import { secretState } from '../core/ports/secret.ts';
import type { ConfigSource, SettledConfig } from '../core/ports/settle-config.ts';

/** A value that holds, and who says so. */
export interface ConfigRow {
  /** `limits.threads`, the name of a variable, `secret NAME` or `setting NAME`. */
  readonly path: string;
  /** Of secrets only whether they are set. */
  readonly value: unknown;
  /** The first that says anything of: flag, environment, setting, profile, file, default. */
  readonly source: string;
}

interface Shown {
  readonly settled: SettledConfig;
  readonly env: NodeJS.ProcessEnv;
  /** Flags that were given: `profile`. */
  readonly flags: ReadonlySet<string>;
  /** Null: no database was asked. */
  readonly settings: readonly SettingView[] | null;
}

/** Every value of an installation, in the order of the documentation, without the secrets that its environment holds or that look like some. */
export function configRows(shown: Shown): readonly ConfigRow[] {
  const rows = [
    ...processRows(shown),
    ...memberRows(shown),
    ...settingRows(shown.settings ?? []),
    ...secretRows(shown),
  ];
  return new Scrubber(shown.env).data(rows, 'text');
}

/** Members whose values may hold secrets or are code: only names are shown. */
const namesOnly: ReadonlySet<string> = new Set([
  ...['modules', 'workflows', 'policies', 'calendars', 'schedules', 'providers'],
  ...['mcp.servers', 'mcp.serve', 'hooks.sources', 'api.issuers', 'onStepFailed'],
]);

function processRows({ env, flags, settled }: Shown): readonly ConfigRow[] {
  const own = configVariables.filter(({ path, isSecret }) => path === null && !isSecret);
  return own.map(({ name, usual }) => {
    if (name === 'TUTTI_PROFILE' && flags.has('profile'))
      return { path: name, value: settled.profile, source: 'flag --profile' };
    const given = env[name]?.trim();
    return given
      ? { path: name, value: given, source: 'environment' }
      : { path: name, value: usual, source: 'default' };
  });
}

function memberRows({ settled, settings }: Shown): readonly ConfigRow[] {
  const config = settled.config as unknown as Readonly<Record<string, unknown>>;
  const set = settings?.find(({ name, source }) => name === 'breaker' && source === 'setting');
  return configMemberNotes().map(({ path, usual }) => {
    const [member = '', name] = path.split('.');
    const whole = config[member] as Readonly<Record<string, unknown>> | undefined;
    const variable = settled.sources.get(path);
    const value = name === undefined ? whole : whole?.[name];
    if (set && member === 'breaker' && name !== undefined) {
      const said = (set.value as Readonly<Record<string, unknown>>)[name];
      if (said !== undefined && said !== (value ?? usual))
        return row(path, said, settingSource(set));
    }
    if (value === undefined) return { path, value: usual ?? 'not set', source: 'default' };
    return row(path, value, variable ? sourceText(variable) : 'file');
  });
}

function settingRows(settings: readonly SettingView[]): readonly ConfigRow[] {
  const set = settings.filter(({ source, name }) => source === 'setting' && name !== 'breaker');
  return set.map((view) => row(`setting ${view.name}`, view.value, settingSource(view)));
}

function settingSource({ actor }: SettingView): string {
  return `setting by ${actor?.id ?? 'somebody'}`;
}

function secretRows({ settled, env }: Shown): readonly ConfigRow[] {
  const own = configVariables.filter(({ isSecret }) => isSecret).map(({ name }) => name);
  const models = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY'];
  const named = new Set([...own, ...models, ...secretNames(settled.config)]);
  return [...named].map((name) => {
    const value = secretState(name, env);
    return { path: `secret ${name}`, value, source: 'environment' };
  });
}

/** The variables that a configuration names: members that end in Env or From, and the channels of Slack. */
function secretNames(config: SettledConfig['config']): readonly string[] {
  const { slack, mail, databases, http, mcp, hooks, models, encryption } = config;
  const members = { mail, databases, http, mcp, hooks, models, encryption };
  return [...leaves(slack), ...within(members)];
}

function within(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    /(Env|From)$/.test(name) ? leaves(member) : within(member),
  );
}

function leaves(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

function row(path: string, value: unknown, source: string): ConfigRow {
  return { path, value: namesOnly.has(path) ? namesIn(value) : plain(value), source };
}

/** As data, without what only a program knows. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'function' ? '(a function)' : each,
  );
  return JSON.parse(text ?? 'null');
}

function namesIn(value: unknown): unknown {
  if (typeof value === 'function') return '(a function)';
  if (!Array.isArray(value)) return Object.keys(value as object);
  return value.map((each: { readonly name?: string; readonly issuer?: string }) =>
    String(each.name ?? each.issuer ?? '(without a name)'),
  );
}

function sourceText(source: ConfigSource): string {
  switch (source.kind) {
    case 'environment':
      return `environment ${source.variable}`;
    case 'profile':
      return `profile ${source.profile}`;
    case 'default':
      return `default of profile ${source.profile}`;
    case 'file':
      return 'file';
  }
}
