import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';

const id = z.string();
const runId = z.uuid();
const company = z.string().nullable();
const amount = z.string().nullable().meta({ description: 'Decimal text.' });
const currency = z.string().nullable();
const count = z.int().min(0);

const run = {
  runId,
  workflow: z.string(),
  company,
  businessDate: z.iso.date(),
  rehearsal: z.boolean(),
};
const change = {
  tool: z.string().nullable(),
  entity: z.string().nullable(),
  targetId: z.string().nullable(),
  company,
  amount,
  currency,
};
const question = {
  approvalId: z.uuid(),
  runId: runId.nullable(),
  effectKey: z.string().nullable(),
  tier: z.string(),
  required: count,
  expiresAt: z.iso.datetime(),
  ...change,
};
const alert = {
  rule: z.string(),
  kind: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
};

/**
 * Everything that a webhook endpoint can be told of, with what it is told: ids, codes and amounts. Sentences of findings, names of people
 * and records themselves are asked for at the API by whoever may see them.
 */
export const webhookEvents = {
  'run.started': {
    about: 'A run was accepted and will be executed.',
    data: z.strictObject({ ...run, version: count }),
  },
  'run.ended': {
    about: 'A run has ended.',
    data: z.strictObject({
      ...run,
      status: z.enum(['succeeded', 'partial', 'failed', 'cancelled']),
      findings: count,
      proposals: count,
      failedSteps: count,
      costMicroUsd: count,
      durationMs: count,
    }),
  },
  'step.failed': {
    about: 'A step has failed for good. Steps of rehearsals are left out.',
    data: z.strictObject({
      runId,
      workflow: z.string(),
      step: z.string(),
      agent: z.string().nullable(),
      code: z.string(),
    }),
  },
  'finding.created': {
    about: 'An agent has found something. What rehearsals find is left out.',
    data: z.strictObject({
      findingId: id,
      runId,
      fingerprint: z.string(),
      known: z.boolean().meta({ description: 'Whether an earlier run had it already.' }),
      module: z.string(),
      agent: z.string(),
      kind: z.string(),
      severity: z.string(),
      company,
      records: z
        .array(z.strictObject({ entity: z.string(), id: z.string() }))
        .max(20)
        .meta({ description: 'At most the first 20.' }),
      amount,
      currency,
    }),
  },
  'proposal.created': {
    about: 'An agent proposes a change to the ERP, or to others, that waits for a person.',
    data: z.strictObject({ runId, effectKey: z.string(), agent: z.string().nullable(), ...change }),
  },
  'approval.requested': {
    about: 'People are asked to approve something.',
    data: z.strictObject(question),
  },
  'approval.decided': {
    about: 'People have approved or refused it.',
    data: z.strictObject({ ...question, state: z.enum(['granted', 'refused']) }),
  },
  'approval.lapsed': {
    about: 'Nobody decided in time, or what was asked no longer stands.',
    data: z.strictObject({ ...question, state: z.enum(['expired', 'withdrawn']) }),
  },
  'budget.warned': {
    about: "A day's budget has passed its warning mark.",
    data: z.strictObject({
      runId,
      scope: z.string(),
      limitMicroUsd: count,
      share: z.number(),
    }),
  },
  'stop.set': {
    about: 'Somebody has stopped agents.',
    data: z.strictObject({ stopId: z.uuid(), reach: z.string() }),
  },
  'stop.lifted': {
    about: 'Somebody has lifted a stop.',
    data: z.strictObject({ stopId: z.uuid(), reach: z.string() }),
  },
  'report.ready': {
    about: 'The morning report of a night is there.',
    data: z.strictObject({
      runId: runId.nullable(),
      since: runId.nullable(),
      workflow: z.string(),
      status: z.string(),
      newFindings: count,
      goneFindings: count,
      openFindings: count,
      newProposals: count,
      failedSteps: count,
      costMicroUsd: count,
      durationMs: count.nullable(),
    }),
  },
  'alert.raised': {
    about: 'Something is past its threshold, or still is after the reminder interval.',
    data: z.strictObject({ ...alert, isReminder: z.boolean() }),
  },
  'alert.over': { about: 'It no longer is.', data: z.strictObject(alert) },
  'webhook.disabled': {
    about: 'Another endpoint was disabled because it is gone or could not be reached.',
    data: z.strictObject({ webhookId: z.uuid(), reason: z.enum(['gone', 'unreachable']) }),
  },
  ping: {
    about: 'Somebody asked for it, to see that the endpoint works. Filters do not apply.',
    data: z.strictObject({ webhookId: z.uuid() }),
  },
} as const satisfies Readonly<Record<string, { readonly about: string; readonly data: z.ZodType }>>;

/** What happened, in a word: `run.ended`. */
export type WebhookEventType = keyof typeof webhookEvents;

/** Every type, in the order of the documentation. */
export const webhookEventTypes = Object.keys(webhookEvents) as readonly WebhookEventType[];

/** The same as the document of the API names them. */
export const webhookTypes: readonly {
  readonly name: WebhookEventType;
  readonly summary: string;
  readonly data: z.ZodType;
}[] = webhookEventTypes.map((name) => {
  const { about, data } = webhookEvents[name];
  return { name, summary: about, data };
});

/** Something that happened, for whoever wants to hear of it. */
export type WebhookEvent = {
  [Type in WebhookEventType]: {
    readonly tenantId: number;
    readonly type: Type;
    /** The same for the same happening, whoever tells of it and however often. */
    readonly event: string;
    readonly at: Date;
    /** Null: it is no module's, as a run over several of them. */
    readonly module: string | null;
    /** Null: it is the whole group's, or no company's. */
    readonly company: string | null;
    readonly data: z.input<(typeof webhookEvents)[Type]['data']>;
  };
}[WebhookEventType];

/** Why an event cannot be told; null: it can. */
export function faultOf({ type, event, data }: WebhookEvent): EngineError | null {
  const { error } = webhookEvents[type].data.safeParse(data);
  if (!error) return null;
  const [issue] = error.issues;
  const place = issue?.path.join('.') || 'its data';
  return new EngineError(
    'INTERNAL',
    `The event ${type} (${event}) is told to nobody, for it is not as documented: ${place}: ${issue?.message}.`,
  );
}

/** The bytes that are signed and sent. */
export function bodyOf({ type, at, data }: WebhookEvent): Buffer {
  const checked: unknown = webhookEvents[type].data.parse(data);
  return Buffer.from(JSON.stringify({ type, timestamp: at.toISOString(), data: checked }));
}
