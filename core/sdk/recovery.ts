import { z } from 'zod';
import type { ErrorCategory } from '../base/error-catalogue.ts';
import { type ErrorCode, errorCodes, errorRow } from '../base/errors.ts';
import { canonicalJson } from '../base/ids.ts';
import { namedIn } from '../base/text.ts';

/** How often and how fast a failed step is tried again. */
export interface RetryPolicy {
  /** Tries in all; the one whose failure led here is the first. @default the agent's `limits.attempts`, 3 */
  readonly attempts?: number;
  /** How the delay grows from one failure to the next. @default 'exponential' */
  readonly backoff?: 'exponential' | 'linear' | 'fixed';
  /** Delay after the first failure, milliseconds. @default 500 */
  readonly baseMs?: number;
  /** What an exponential delay is multiplied by at each failure. @default 2 */
  readonly factor?: number;
  /** The longest delay, milliseconds. @default 30000 */
  readonly maxMs?: number;
  /** `full`: uniform between nothing and the delay, so that many that failed together do not come back together. @default 'full' */
  readonly jitter?: 'full' | 'none';
}

/** One way to go on after a failure. */
export type Recovery =
  /** The same again; a conversation with a model goes on after its last answer. */
  | { readonly strategy: 'retry'; readonly retry?: RetryPolicy }
  /** The same again from the start: a conversation with a model begins anew. */
  | { readonly strategy: 'reset'; readonly retry?: RetryPolicy }
  /** Another agent, qualified (`finance.clerk`), does it with the same input and must answer in the same form. */
  | { readonly strategy: 'reassign'; readonly to: string }
  /** The agent's playbook instead of its model. */
  | { readonly strategy: 'fallback' }
  /** The step is left out: what waits for it goes on as its join asks, and its failure does not fail the run. */
  | { readonly strategy: 'skip' }
  /** A person or role is told; the next one of the list, or the failure, follows. */
  | { readonly strategy: 'escalate'; readonly to: string }
  /** The whole run is ended as failed. */
  | { readonly strategy: 'abort' };

/** What follows a kind of failure: each way is tried in turn; when none is left the step has failed. */
export interface RecoveryRule {
  /**
   * Categories or codes of the error catalogue. A code that is named is retried even where the catalogue says that this cannot
   * help; under a category such codes are not. @default every failure that may pass by itself
   */
  readonly on?: readonly (ErrorCategory | ErrorCode)[];
  /** Empty: the step fails at once. */
  readonly ways: readonly Recovery[];
}

/**
 * Ends that nobody recovers from by a rule: somebody wished them or must decide them, or the engine, its threads or its database
 * were in the way, which costs a step nothing.
 */
export const beyondRecovery: ReadonlySet<ErrorCode> = new Set([
  'CANCELLED',
  'APPROVAL_PENDING',
  'EFFECT_IN_REVIEW',
  'ENGINE_FENCED',
  'ENGINE_COPIED',
  'ENGINE_STOPPED',
  'DB_UNAVAILABLE',
  'DB_FULL',
  'STOPPED',
  'LANE_LOST',
  'MACHINE_REFUSED',
  'JOURNAL_REJECTED',
  'VERSION_GONE',
  'PLAN_CHANGED',
]);

const codes = errorCodes.filter((code) => !beyondRecovery.has(code));
const categories = [...new Set(errorCodes.map((code) => errorRow(code).category))];

const delayMs = z.int().min(0).max(86_400_000);
/** The form of a `RetryPolicy`. */
export const retryPolicy = z
  .strictObject({
    attempts: z.int().min(1).max(25).describe('Tries in all.'),
    backoff: z
      .enum(['exponential', 'linear', 'fixed'])
      .describe('How the delay grows. Default exponential.'),
    baseMs: delayMs.describe('Delay after the first failure, milliseconds. Default 500.'),
    factor: z
      .number()
      .min(1)
      .max(10)
      .describe('What an exponential delay is multiplied by. Default 2.'),
    maxMs: delayMs.describe('The longest delay, milliseconds. Default 30000.'),
    jitter: z
      .enum(['full', 'none'])
      .describe('full: uniform between nothing and the delay. Default full.'),
  })
  .partial();
const whom = z.string().min(1).max(200);
const recovery = z.discriminatedUnion('strategy', [
  z.strictObject({ strategy: z.literal('retry'), retry: retryPolicy.optional() }),
  z.strictObject({ strategy: z.literal('reset'), retry: retryPolicy.optional() }),
  z.strictObject({ strategy: z.literal('reassign'), to: whom }),
  z.strictObject({ strategy: z.literal('fallback') }),
  z.strictObject({ strategy: z.literal('skip') }),
  z.strictObject({ strategy: z.literal('escalate'), to: whom }),
  z.strictObject({ strategy: z.literal('abort') }),
]);
const rules = z
  .array(
    z.strictObject({
      on: z
        .array(z.enum([...categories, ...codes], { error: nameFault }))
        .min(1)
        .optional(),
      // Skip and abort end the step: what stands behind them would never come.
      ways: z.array(recovery).max(10).refine(endsLast, 'has a way behind skip or abort'),
    }),
  )
  .max(50);

/** What is wrong with a declaration, and where: `0.ways.1.to`. */
export interface RecoveryFault {
  readonly path: string;
  readonly reason: string;
}

/** The forms of an agent that another one may stand in for. */
interface Forms {
  readonly input: z.ZodType;
  readonly output: z.ZodType;
}

/**
 * Checks the rules of one agent, from a declaration or a setting: their form, the codes and categories, and that whoever is to
 * stand in exists, is another agent, and takes and gives the same form. Returns the first fault, or null.
 */
export function checkRecovery(
  value: unknown,
  agent: string,
  formsOf: (agent: string) => Forms | undefined,
): RecoveryFault | null {
  const parsed = rules.safeParse(value, { jitless: true });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { path: issue?.path.join('.') ?? '', reason: issue?.message ?? 'is not allowed' };
  }
  for (const [index, rule] of parsed.data.entries()) {
    for (const [rung, way] of rule.ways.entries()) {
      if (way.strategy !== 'reassign') continue;
      const reason = standInFault(agent, way.to, formsOf);
      if (reason) return { path: `${index}.ways.${rung}.to`, reason };
    }
  }
  return null;
}

function nameFault({ input }: { readonly input?: unknown }): string {
  const name = namedIn(input);
  return beyondRecovery.has(name as ErrorCode)
    ? `'${name}' is no failure that a rule can follow`
    : `'${name}' is neither a category nor a code of the error catalogue; see docs/errors.md`;
}

function endsLast(ways: readonly Pick<Recovery, 'strategy'>[]): boolean {
  const end = ways.findIndex(({ strategy }) => strategy === 'skip' || strategy === 'abort');
  return end === -1 || end === ways.length - 1;
}

function standInFault(
  agent: string,
  to: string,
  formsOf: (agent: string) => Forms | undefined,
): string | null {
  if (to === agent) return `'${to}' is the agent itself; use retry or reset`;
  const [own, other] = [formsOf(agent), formsOf(to)];
  if (!own || !other) return `'${to}' is no agent of a loaded module; write 'module.agent'`;
  if (formOf(own.input, 'input') !== formOf(other.input, 'input'))
    return `'${to}' takes another input than '${agent}'`;
  if (formOf(own.output, 'output') !== formOf(other.output, 'output'))
    return `'${to}' answers in another form than '${agent}'`;
  return null;
}

/** A schema's form as text, without the words that explain it to a model. */
function formOf(schema: z.ZodType, io: 'input' | 'output'): string {
  const json: unknown = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return canonicalJson(JSON.parse(JSON.stringify(json, plainForm)));
}

// A property may be called 'description' or 'required', too; then its value is a schema.
function plainForm(name: string, value: unknown): unknown {
  if (name === 'required' && Array.isArray(value)) return value.toSorted();
  return ['description', 'title'].includes(name) && typeof value === 'string' ? undefined : value;
}
