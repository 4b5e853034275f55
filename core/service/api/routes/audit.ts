import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import type { AuditLog } from '../../../engine/audit/log.ts';
import { wholeReach } from '../reach.ts';
import { momentOrDay, pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { actorShape, listOf } from '../shapes.ts';

const whose = {
  of: z.enum(['tenant', 'installation']).default('tenant').meta({
    description: 'Whose log: `installation` has what belongs to no tenant.',
  }),
};
const name = z.string().min(1).max(300);
const listQuery = paging(z.coerce.number().int().min(1), { usual: 100, most: 1_000 }).extend({
  ...whose,
  actor: name.optional().meta({ description: 'Whose changes, by id.' }),
  action: name.optional().meta({ description: '`key.revoke`, or all of a noun: `key.*`.' }),
  target: name.optional(),
  from: momentOrDay.optional().meta({ description: 'Made at this moment or later.' }),
  to: momentOrDay.optional().meta({ description: 'Made before this moment.' }),
});
const whoseQuery = z.strictObject(whose);

const rowShape = z
  .object({
    seq: z.int().meta({ description: '1 for the first; no number is left out.' }),
    at: z.iso.datetime(),
    actor: actorShape,
    action: z.string(),
    target: z.string(),
    data: z.record(z.string(), z.unknown()),
    hash: z.string().meta({ description: 'Hex; over the hash before and all of the row.' }),
  })
  .meta({ id: 'AuditRow' });

const verdictShape = z
  .object({
    tenantId: z.int(),
    rows: z.int().meta({ description: 'Rows that were followed.' }),
    seq: z.int().meta({ description: 'The last row that is as it was written.' }),
    hash: z.string(),
    heads: z.int().meta({ description: 'Signed heads that agree.' }),
    fault: z
      .object({
        seq: z.int(),
        kind: z.enum([
          'edited',
          'gap',
          'reordered',
          'inserted',
          'truncated',
          'rewritten',
          'signature',
        ]),
        message: z.string(),
      })
      .nullable()
      .meta({ description: 'The first thing that is wrong; null: nothing is.' }),
  })
  .meta({ id: 'AuditVerdict' });

/** `/v1/audit`: what people and keys have changed, whether that is as it was written, and all of it with a signature. */
export function auditRoutes(audit: AuditLog, { clock }: { readonly clock: Clock }): Route[] {
  return [listRoute(audit), verifyRoute(audit), exportRoute(audit, clock)];
}

function listRoute(audit: AuditLog): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/audit',
    summary: 'Lists what people and keys have changed, newest first.',
    permission: 'audit:read',
    query: listQuery,
    answers: { 200: listOf(rowShape) },
    handle: async (call) => {
      const { of, cursor: after, limit, from, to, ...named } = call.query;
      const span = { from: from ? new Date(from) : undefined, to: to ? new Date(to) : undefined };
      const filter = { ...named, ...span, after, limit: limit + 1 };
      const rows = await audit.list(chainOf(call, of), filter);
      return ok(pageOf(rows, limit, ({ seq }) => String(seq)));
    },
  });
}

function verifyRoute(audit: AuditLog): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/audit/verify',
    summary:
      'Follows the audit log from its first row, and says what is wrong with it, if anything.',
    permission: 'audit:read',
    query: whoseQuery,
    answers: { 200: verdictShape },
    handle: async (call) =>
      ok(await audit.verify(chainOf(call, call.query.of), { signal: call.signal })),
  });
}

function exportRoute(audit: AuditLog, clock: Clock): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/audit/export',
    summary: 'Streams the whole audit log, a row a line, with a signed head as its last line.',
    permission: 'audit:read',
    query: whoseQuery,
    answers: { 200: { type: 'application/x-ndjson' } },
    errors: ['AUDIT_BROKEN', 'CONFIG_INVALID', 'DATA_FOLDER'],
    handle: async (call) => {
      const { response, signal } = call;
      const at = new Date(clock.now());
      const lines = audit.export(chainOf(call, call.query.of), { at, signal });
      // What is wrong from the start is a problem; what is found on the way ends the stream without a head.
      const first = await lines.next();
      response.type('application/x-ndjson');
      const all = async function* (): AsyncGenerator<string> {
        if (!first.done) yield first.value;
        yield* lines;
      };
      await pipeline(Readable.from(all()), response, { signal });
      return undefined;
    },
  });
}

/** The log is of everything: who may see some modules only does not see it. */
function chainOf(
  { tenantId, demand }: Pick<Parameters<Route['handle']>[0], 'tenantId' | 'demand'>,
  of: 'tenant' | 'installation',
): number {
  demand(wholeReach);
  if (of === 'tenant') return tenantId;
  demand(wholeReach, 'tenants:read');
  return 0;
}
