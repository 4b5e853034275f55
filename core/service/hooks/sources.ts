import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import type { HookSource, HooksConfig } from '../../ports/hooks-config.ts';
import { readSecret } from '../../ports/secret.ts';
import { type Mapping, mappingOf } from './mapping.ts';
import { type Verify, verifierOf } from './verify.ts';

/** A source that posts may come from. */
export interface Source extends Pick<HookSource, 'preset'> {
  readonly name: string;
  /** The slug of its tenant; null: the one that the process serves. */
  readonly tenant: string | null;
  readonly verify: Verify;
  readonly mapping: Mapping;
  readonly requestsPerMinute: number;
  /** Who may ask by OPTIONS whether it may send here. */
  readonly origins: readonly string[];
}

const secretEnv = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const text = z.string().min(1).max(200);
const verification = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('standard-webhooks'), secretEnv }),
  z.strictObject({ kind: z.literal('frappe'), secretEnv }),
  z
    .strictObject({
      kind: z.literal('token'),
      secretEnv,
      header: text.optional(),
      query: text.optional(),
    })
    .refine(({ header, query }) => header === undefined || query === undefined, {
      message: 'names a header and a query parameter; take one of them',
    }),
  z
    .strictObject({
      kind: z.literal('hmac'),
      secretEnv,
      header: text,
      algorithm: z.enum(['sha256', 'sha384', 'sha512']).optional(),
      encoding: z.enum(['hex', 'base64']).optional(),
      prefix: text.optional(),
      signs: text.refine((all) => all.includes('{body}'), 'must sign the {body}').optional(),
      timestamp: z.strictObject({ header: text, unit: z.enum(['s', 'ms']).optional() }).optional(),
    })
    .refine(
      ({ signs = '', timestamp }) => signs.includes('{timestamp}') === (timestamp !== undefined),
      { message: 'must sign the {timestamp} that it compares, and name its header' },
    ),
]);
const sourceSchema = z.strictObject({
  verify: verification,
  tenant: text.optional(),
  preset: z.enum(['frappe', 'odoo', 'event-grid', 'business-central']).optional(),
  mapping: z
    .strictObject({
      events: z.string(),
      id: z.string(),
      type: z.string(),
      entity: z.string(),
      record: z.string(),
      version: z.string(),
      time: z.string(),
    })
    .partial()
    .optional(),
  entities: z.record(z.string(), z.string()).optional(),
  requestsPerMinute: z.int().positive().optional(),
  origins: z.array(text).optional(),
});
const hooksSchema = z.strictObject({
  sources: z
    .record(z.string().regex(/^[a-z][a-z0-9_-]*$/, 'must be a lower case name'), sourceSchema)
    .refine((all) => !('sweep' in all) && !('events' in all), "may not be 'sweep' or 'events'")
    .optional(),
  sweepMs: z.int().min(0).max(86_400_000).optional(),
  keepDays: z.int().min(1).max(3_650).optional(),
});

/** The least that a secret has; anything shorter can be guessed. */
const leastSecret = 16;

/**
 * Opens the sources of a configuration with their secrets, which are read from the environment once and told to nobody.
 * @throws CONFIG_INVALID · EXPRESSION_INVALID
 */
export function openSources(
  config: HooksConfig | undefined,
  env: NodeJS.ProcessEnv,
): ReadonlyMap<string, Source> {
  const parsed = hooksSchema.safeParse(config ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const inner = issue?.code === 'invalid_key' ? issue.issues[0] : undefined;
    throw invalid(issue?.path.join('.') ?? '', `${(inner ?? issue)?.message}`);
  }
  const sources = Object.entries(config?.sources ?? {}).map(([name, source]) =>
    openSource(name, source, env),
  );
  return new Map(sources.map((source) => [source.name, source]));
}

function openSource(name: string, source: HookSource, env: NodeJS.ProcessEnv): Source {
  const named = [source.verify.secretEnv].flat();
  const secrets = named.map((variable) => secretOf(name, variable, env));
  return {
    name,
    tenant: source.tenant ?? null,
    ...(source.preset && { preset: source.preset }),
    verify: openVerifier(name, source, secrets),
    mapping: mappingOf(name, source),
    requestsPerMinute: source.requestsPerMinute ?? 60_000,
    origins: source.origins ?? ['eventgrid.azure.net'],
  };
}

function openVerifier(name: string, { verify }: HookSource, secrets: readonly string[]): Verify {
  try {
    return verifierOf(verify, secrets);
  } catch {
    // What it says of a secret that it cannot read may quote it.
    const what = `has a secret that is not as ${verify.kind} needs it: whsec_ and base64`;
    throw invalid(`sources.${name}.verify`, what);
  }
}

function secretOf(source: string, variable: string, env: NodeJS.ProcessEnv): string {
  const secret = readSecret(variable, env) ?? '';
  if (secret.length >= leastSecret) return secret;
  const what = secret === '' ? 'is not set' : `is shorter than ${leastSecret} characters`;
  throw invalid(
    `sources.${source}.verify.secretEnv`,
    `names ${variable}, which ${what} in the environment`,
  );
}

function invalid(path: string, what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `In tutti.config.ts hooks.${path} ${what}.`);
}
