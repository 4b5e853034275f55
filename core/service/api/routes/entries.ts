import { z } from 'zod';
import type { CompleteParts } from '../parts.ts';
import { entryCursor, momentOrDay, pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';
import { foundEntryShape } from './run-shapes.ts';

const dayMs = 86_400_000;
const usualDays = 7;
const word = z.string().min(1).max(200).optional();
const query = paging(entryCursor, {
  usual: 100,
  most: 1_000,
}).extend({
  run: z.string().max(64).optional(),
  agent: word.meta({ description: '`module.agent`' }),
  tool: word.meta({ description: '`module.noun.verb`' }),
  code: word.meta({ description: 'Of the catalogue of errors.' }),
  kind: word.meta({ description: 'Such as `step.failed` or `tool.called`.' }),
  since: momentOrDay
    .optional()
    .meta({ description: `Without it those of the last ${usualDays} days; with run all of it.` }),
});

/** `/v1/entries`: the journals of all runs, searched. */
export function entryRoutes({ history }: Pick<CompleteParts, 'history'>): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/entries',
      summary: 'Searches the journals of all runs by run, agent, tool, code and kind.',
      description: 'Those of the newest run first, and of each run the newest first.',
      permission: 'runs:read',
      query,
      answers: { 200: listOf(foundEntryShape) },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, principal: sight, query: asked }) => {
        const { cursor, limit, run: runId, since, ...named } = asked;
        const usual = runId === undefined ? Date.now() - usualDays * dayMs : 0;
        const [last, seq] = cursor?.split('/') ?? [];
        const rows = await history.search(tenantId, {
          ...named,
          ...{ runId, sight, limit: limit + 1 },
          since: new Date(since ?? usual),
          after: last === undefined ? undefined : { runId: last, seq: Number(seq) },
        });
        return ok(pageOf(rows, limit, (entry) => `${entry.runId}/${entry.seq}`));
      },
    }),
  ];
}
