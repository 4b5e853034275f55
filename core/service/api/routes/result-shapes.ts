import { z } from 'zod';
import { hexDigest } from '../request.ts';

/** Something that an agent found. */
export const findingShape = z
  .object({
    id: z.string().meta({ description: 'Run and sequence number.' }),
    fingerprint: z
      .string()
      .meta({ description: 'The same finding of another night has the same.' }),
    known: z.boolean().meta({ description: 'Whether an earlier run had it already.' }),
    simulated: z.boolean(),
    runId: z.uuid(),
    stepId: z.int(),
    module: z.string(),
    agent: z.string(),
    kind: z.string(),
    severity: z.string(),
    company: z.string().nullable(),
    records: z.array(z.object({ entity: z.string(), id: z.string() })),
    amount: z.string().nullable().meta({ description: 'Decimal text.' }),
    currency: z.string().nullable(),
    summary: z.string(),
    evidence: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'Finding' });

const effectStates = [
  'proposed',
  'approved',
  'started',
  'applied',
  'replayed',
  'rejected',
  'conflict',
  'uncertain',
  'needs_review',
  'undone',
  'refused',
] as const;

/** A change to the ERP that waits for a person. */
export const proposalShape = z
  .object({
    key: hexDigest,
    runId: z.uuid(),
    stepId: z.int(),
    seq: z.int(),
    tool: z.string(),
    module: z.string(),
    agent: z.string().nullable(),
    entity: z.string().nullable(),
    targetId: z.string().nullable(),
    company: z.string().nullable(),
    state: z.enum(effectStates),
    became: z.enum(['open', 'granted', 'expired', 'withdrawn', ...effectStates.slice(1)]),
    approval: z.uuid().nullable().meta({ description: 'The newest question about it.' }),
    args: z.unknown().meta({ description: 'What the tool would be called with.' }),
  })
  .meta({ id: 'Proposal' });
