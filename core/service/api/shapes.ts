import { z } from 'zod';
import type { EffectState } from '../../ports/db/states.ts';

/** Who did something, as answers show it. */
export const actorShape = z
  .object({
    kind: z.enum(['person', 'key', 'agent', 'schedule', 'hook']),
    id: z.string(),
    onBehalfOf: z.array(z.string()).optional(),
  })
  .meta({ id: 'Actor' });

/** One word of somebody about which version counts. */
export const publicationShape = z
  .object({
    how: z.enum(['published', 'rolled_back', 'released']),
    version: z.int().nullable().meta({ description: 'Null: the loaded code decides again.' }),
    actor: actorShape,
    at: z.iso.datetime(),
    effective: z.iso.datetime().nullable().meta({ description: 'From when on; null: from then.' }),
    askedBy: actorShape
      .nullable()
      .meta({ description: 'Who asked for it, where it took a second person.' }),
  })
  .meta({ id: 'Publication' });

/** By which rule something was decided, and the policy that said so. */
export const decidedShape = {
  rule: z.string().nullable(),
  policy: z
    .union([
      z.object({ name: z.string(), version: z.int() }),
      z.object({ name: z.string(), digest: z.string() }),
    ])
    .nullable()
    .meta({ description: 'By its version, or by the digest of what the code says.' }),
};

/** A stored version in a list. */
export const versionShape = z
  .object({
    name: z.string(),
    version: z.int(),
    digest: z.string().meta({ description: 'Hex; equal data has equal digests.' }),
    publishedAt: z.iso.datetime(),
    publishedBy: z.string(),
    runs: z.int().meta({ description: 'Runs that keep it, those that have ended included.' }),
    inForce: z.boolean(),
  })
  .meta({ id: 'Version' });

/** A moment, in UTC. */
export const instant = z.iso.datetime();

/** Micro-USD, as money is counted everywhere: 1,000,000 are one dollar. */
export const microUsd = z.int();

/** An error that something ended in, as answers show it. */
export const failureShape = z
  .object({
    code: z.string().meta({ description: 'Of the catalogue of errors.' }),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Failure' });

/** How far a run is. */
export const runStatus = z
  .enum(['queued', 'running', 'waiting', 'paused', 'succeeded', 'partial', 'failed', 'cancelled'])
  .meta({ id: 'RunStatus' });

/** A page of a list. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "For the next page's `cursor`." }),
  });
}

/** What may have become of an effect. */
export const effectStates = [
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
] as const satisfies readonly EffectState[];
