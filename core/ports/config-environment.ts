import { z } from 'zod';
import { type ProfileName, profileNames } from './deployment-config.ts';

/** An environment variable that says something about this installation. */
export interface ConfigVariable {
  readonly name: string;
  readonly about: string;
  /** The member that it overrides, `limits.threads`. Null: it is none of the configuration's. */
  readonly path: string | null;
  /** What it may say; its message completes "give …". */
  readonly schema: z.ZodType<unknown, string>;
  /** Without it, where it overrides no member. */
  readonly usual?: string;
  /** Its value is never shown, and `NAME_FILE` may name a file that holds it. */
  readonly isSecret?: boolean;
}

const number = (from: number, to: number) => {
  const error = `a whole number from ${from} to ${to}`;
  return z
    .string(error)
    .regex(/^\d{1,15}$/, error)
    .transform(Number)
    .refine((value) => value >= from && value <= to, error);
};
const oneOf = (names: readonly string[]) =>
  z.enum(names as [string, ...string[]], `one of ${names.join(', ')}`);
/** `4`, or `1-4`. */
const range = (from: number, to: number) => {
  const error = `a whole number from ${from} to ${to}, or two: 1-4`;
  return z
    .string(error)
    .regex(/^\d{1,3}(-\d{1,3})?$/, error)
    .transform((text) => text.split('-').map(Number))
    .refine(([least = 0, most = least]) => from <= least && least <= most && most <= to, error)
    .transform(([least, most]) => (most === undefined ? least : { least, most }));
};
const flag = z
  .enum(['true', 'false', '1', '0'], 'true or false')
  .transform((value) => value === 'true' || value === '1');
const text = z.string();

/** Every variable of Tutti's own. Those of OpenTelemetry, of models and whatever the configuration names as a secret come beside them. */
export const configVariables: readonly ConfigVariable[] = [
  {
    ...{ name: 'DATABASE_URL', path: null, isSecret: true },
    about: 'the PostgreSQL server',
    schema: z.string().regex(/^postgres(ql)?:\/\//, 'an address that begins with postgresql://'),
    usual: 'an embedded one, in the data folder',
  },
  {
    ...{ name: 'TUTTI_DATA', path: null, schema: text, usual: '.tutti' },
    about: 'the data folder: embedded database, files of tools, key of the audit log',
  },
  {
    ...{ name: 'TUTTI_PROFILE', path: null, schema: oneOf(profileNames), usual: 'development' },
    about: 'the profile; --profile goes first',
  },
  {
    ...{ name: 'TUTTI_AUDIT_KEY', path: null, schema: text, isSecret: true },
    about: 'the key that signs the audit log: Ed25519, PKCS #8',
    usual: 'one in the data folder, made when it is needed',
  },
  {
    ...{ name: 'TUTTI_SECRETS_KEY', path: null, schema: text, isSecret: true },
    about:
      'what seals the signing secrets of webhooks in the database: 32 bytes in base64; more than one, the first seals and all open',
    usual: 'none: they lie there as they are',
  },
  { name: 'TUTTI_HOST', path: 'api.host', schema: text, about: 'where the API listens' },
  { name: 'TUTTI_PORT', path: 'api.port', schema: number(0, 65_535), about: 'its port' },
  {
    ...{ name: 'TUTTI_KEYS_ONLY', path: 'api.keysOnly', schema: flag },
    about: 'whether everybody needs a key',
  },
  {
    ...{ name: 'TUTTI_THREADS', path: 'limits.threads', schema: range(1, 256) },
    about: 'worker threads: `4`, or `1-4` as there is work',
  },
  {
    ...{ name: 'TUTTI_RUNNING', path: 'limits.running', schema: number(1, 1_000_000) },
    about: 'running steps in this engine',
  },
  {
    ...{ name: 'TUTTI_DRAIN_MS', path: 'limits.drainMs', schema: number(0, 86_400_000) },
    about: 'what running steps get to end in when the process ends',
  },
  {
    ...{ name: 'TUTTI_LOG', path: 'log.form', schema: oneOf(['json', 'pretty', 'off']) },
    about: 'the form of the log; set, every command writes one',
  },
  {
    ...{ name: 'TUTTI_LOG_LEVEL', path: 'log.level' },
    schema: oneOf(['debug', 'info', 'warn', 'error']),
    about: 'the least that the log says',
  },
];

/** What the environment says, and what is wrong with it. */
export interface EnvironmentSaid {
  /** By path, of members of the configuration. */
  readonly members: ReadonlyMap<string, { readonly value: unknown; readonly variable: string }>;
  readonly profile: ProfileName;
  readonly faults: readonly string[];
}

/** Reads the variables of an environment; blank ones are not set. Values of secrets are told to nobody. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): EnvironmentSaid {
  const members = new Map<string, { value: unknown; variable: string }>();
  const faults: string[] = [];
  let profile: ProfileName = 'development';
  for (const { name, path, schema, isSecret } of configVariables) {
    const given = env[name]?.trim();
    if (!given) continue;
    const { data, error } = schema.safeParse(given);
    const seen = isSecret ? 'not what it has to be' : `'${given.slice(0, 60)}'`;
    if (error)
      faults.push(`The environment variable ${name} is ${seen}; give ${error.issues[0]?.message}.`);
    else if (path !== null) members.set(path, { value: data, variable: name });
    else if (name === 'TUTTI_PROFILE') profile = data as ProfileName;
  }
  return { members, profile, faults };
}
