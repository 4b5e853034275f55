import { z } from 'zod';
import { spanOfDays } from '../../schedules/backfill-span.ts';
import type { BackfillView, NewBackfill } from '../../schedules/backfills.ts';
import type { ScheduleDesk } from '../../schedules/desk.ts';
import { withinReach } from '../reach.ts';
import { businessDay, emptyBody, momentOrDay, pageOf, paging, timeZone } from '../request.ts';
import { accepted, type Call, defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';
import {
  backfillHeadShape,
  backfillShape,
  occurrenceShape,
  scheduleShape,
  slotShape,
} from './schedule-shapes.ts';

const slotsQuery = paging(z.uuid(), { usual: 50, most: 200 });
const count = z.coerce.number().int().min(1).max(200).default(10).meta({
  description: 'How many that come due; excluded ones between them are shown beside them.',
});
const after = z.iso.datetime({ offset: true }).optional();
const occurrencesQuery = z.strictObject({ count, after });
const cronQuery = z.strictObject({
  cron: z.string().min(1).max(200),
  timeZone,
  seconds: z.literal('true').optional().meta({ description: 'The expression has six fields.' }),
  ...{ count, after },
});
const pauseBody = z.strictObject({ reason: z.string().trim().max(200).optional() }).optional();
const key = z.string().min(1).max(200).optional();
const triggerBody = z
  .strictObject({
    key,
    overlap: z.enum(['skip', 'queue', 'allow']).optional(),
    businessDate: businessDay.optional(),
  })
  .default({});
const backfillBody = z.strictObject({
  key,
  from: momentOrDay.meta({ description: 'Slots from here on; a date is its first moment.' }),
  to: momentOrDay.meta({ description: 'Slots before this; a date is its last moment.' }),
  reprocess: z.enum(['none', 'failed', 'completed']).default('none'),
  maxActiveRuns: z.int().min(1).max(100).default(1),
  order: z.enum(['forwards', 'backwards']).default('forwards'),
  dryRun: z.boolean().default(false),
});

type Named<B = unknown> = Call<{ readonly name: string }, unknown, B>;

/** `/v1/schedules`: when workflows start by themselves, what became of that, and steering it. */
export function scheduleRoutes(desk: ScheduleDesk): readonly Route[] {
  return [...readingRoutes(desk), ...steeringRoutes(desk), ...backfillRoutes(desk)];
}

function readingRoutes(desk: ScheduleDesk): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/schedules',
      summary: 'Lists schedules, with what comes next and what came last.',
      permission: 'schedules:read',
      answers: { 200: listOf(scheduleShape) },
      handle: async ({ tenantId, principal }) => {
        const reader = { principal, permission: 'schedules:read' } as const;
        const items = withinReach(await desk.list(tenantId), reader, ({ module, company }) => {
          return { module, company };
        });
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/schedules/:name',
      summary: 'Shows a schedule.',
      permission: 'schedules:read',
      answers: { 200: scheduleShape },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        demandOf(desk, call);
        return ok(await desk.show(call.tenantId, call.params.name));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/schedules/:name/occurrences',
      summary: 'Says when a schedule comes due next.',
      permission: 'schedules:read',
      query: occurrencesQuery,
      answers: { 200: listOf(occurrenceShape) },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        demandOf(desk, call);
        const items = await desk.occurrences(call.params.name, askOf(call.query));
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/occurrences',
      summary: 'Says when a cron expression comes next.',
      permission: 'schedules:read',
      query: cronQuery,
      answers: { 200: listOf(occurrenceShape) },
      handle: async ({ query: { cron, timeZone: zone, seconds, ...asked } }) => {
        const timing = { cron, timeZone: zone, ...(seconds && { seconds: true as const }) };
        return ok({ items: await desk.previewCron(timing, askOf(asked)), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/schedules/:name/slots',
      summary: "Lists what became of a schedule's slots, the newest first.",
      description: 'A slot that did not start says why.',
      permission: 'schedules:read',
      query: slotsQuery,
      answers: { 200: listOf(slotShape) },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        demandOf(desk, call);
        const { limit, cursor = null } = call.query;
        const asked = { limit: limit + 1, before: cursor };
        const slots = await desk.slots(call.tenantId, call.params.name, asked);
        return ok(pageOf(slots, limit, ({ id }) => id));
      },
    }),
  ];
}

function steeringRoutes(desk: ScheduleDesk): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/schedules/:name/pause',
      summary: 'Pauses a schedule: what comes due is skipped until it is resumed.',
      permission: 'schedules:write',
      body: pauseBody,
      answers: { 200: scheduleShape },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        demandOf(desk, call);
        const { actor, body } = call;
        const reason = body?.reason ?? '';
        return ok(await desk.pause(call.tenantId, call.params.name, { actor, reason }));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/schedules/:name/resume',
      summary: 'Resumes a schedule: it comes due again from now on.',
      permission: 'schedules:write',
      body: emptyBody,
      answers: { 200: scheduleShape },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        demandOf(desk, call);
        return ok(await desk.resume(call.tenantId, call.params.name, call));
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/schedules/:name/trigger',
      summary: 'Starts a run of a schedule now.',
      description: 'By its overlap, unless another is asked for: a slot may wait, or be skipped.',
      permission: 'schedules:write',
      key: 'required',
      body: triggerBody,
      answers: { 202: slotShape },
      errors: ['SCHEDULE_UNKNOWN', 'KEY_REUSED'],
      handle: async (call) => {
        demandOf(desk, call);
        const { actor, key, body } = call;
        const { overlap, businessDate } = body;
        const ask = { actor, key, overlap, businessDate };
        const slot = await desk.trigger(call.tenantId, call.params.name, ask);
        const followed = slot.runId
          ? `/v1/runs/${slot.runId}`
          : `/v1/schedules/${call.params.name}/slots`;
        return accepted(followed, slot);
      },
    }),
  ];
}

function backfillRoutes(desk: ScheduleDesk): readonly Route[] {
  const path = '/v1/backfills/:id';
  type OfBackfill = Call<{ readonly id: string }, unknown, unknown>;
  const shown = async (call: OfBackfill): Promise<BackfillView> => {
    const view = await desk.backfills.show(call.tenantId, call.params.id);
    demandOf(desk, { params: { name: view.schedule }, demand: call.demand });
    return view;
  };
  return [
    defineRoute({
      method: 'get',
      path: '/v1/schedules/:name/backfills',
      summary: 'Lists the backfills of a schedule, the newest first.',
      permission: 'schedules:read',
      answers: { 200: listOf(backfillHeadShape) },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        demandOf(desk, call);
        const items = await desk.backfills.list(call.tenantId, call.params.name);
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/schedules/:name/backfills',
      summary: 'Runs past slots that have not run, or runs them again.',
      description:
        'With `dryRun` it only says what it would do with each slot, and stores nothing.',
      permission: 'schedules:write',
      key: 'required',
      body: backfillBody,
      answers: { 200: backfillShape, 202: backfillShape },
      errors: ['SCHEDULE_UNKNOWN', 'KEY_REUSED'],
      handle: async (call) => {
        demandOf(desk, call);
        const { tenantId, actor, key } = call;
        const { from, to, dryRun, reprocess, maxActiveRuns, order } = call.body;
        const registered = desk.schedule(call.params.name);
        const span = spanOfDays({ from, to }, desk.zoneOf(registered.schedule));
        const ask: NewBackfill = { tenantId, actor, key, ...span, reprocess, maxActiveRuns, order };
        if (dryRun) return ok(await desk.backfills.plan(registered, ask));
        const view = await desk.backfills.create(registered, ask);
        return accepted(`/v1/backfills/${view.id}`, view);
      },
    }),
    defineRoute({
      method: 'get',
      path,
      summary: 'Shows a backfill, with its slots in the order in which they run.',
      permission: 'schedules:read',
      answers: { 200: backfillShape },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => ok(await shown(call)),
    }),
    defineRoute({
      method: 'post',
      path: `${path}/cancel`,
      summary: 'Ends a backfill: nothing more of it starts.',
      permission: 'schedules:write',
      body: emptyBody,
      answers: { 200: backfillShape },
      errors: ['SCHEDULE_UNKNOWN'],
      handle: async (call) => {
        await shown(call);
        return ok(await desk.backfills.cancel(call.tenantId, call.params.id, call.actor));
      },
    }),
  ];
}

/** @throws SCHEDULE_UNKNOWN · PERMISSION_DENIED for the module or the company of a schedule */
function demandOf(desk: ScheduleDesk, { params, demand }: Pick<Named, 'params' | 'demand'>): void {
  const { module, schedule } = desk.schedule(params.name);
  demand({ module, company: schedule.company });
}

function askOf({ count, after }: z.output<typeof occurrencesQuery>) {
  return { count, after: after === undefined ? undefined : Date.parse(after) };
}
