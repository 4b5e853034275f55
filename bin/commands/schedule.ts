import { systemClock } from '../../core/base/clock.ts';
import { EngineError } from '../../core/base/errors.ts';
import { isId, newId } from '../../core/base/ids.ts';
import { isTimeZone, localMoment } from '../../core/base/zoned-time.ts';
import { cronFault } from '../../core/sdk/calendar/cron.ts';
import { defineSchedule } from '../../core/sdk/schedule.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { spanOfDays } from '../../core/service/schedules/backfill-span.ts';
import type { BackfillView, NewBackfill } from '../../core/service/schedules/backfills.ts';
import type { ScheduleDesk, ScheduleView } from '../../core/service/schedules/desk.ts';
import { type OccurrenceView, preview } from '../../core/service/schedules/preview.ts';
import type { SlotView } from '../../core/service/schedules/slot.ts';
import { wrongUse } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import { hostOptions } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { openConfig } from '../configuration.ts';
import { operator } from '../operator.ts';
import { scheduleDeskOf } from '../parts/schedules-of.ts';
import { table } from '../terminal.ts';

const wrong = wrongUse('schedule');

/** What a sub-command works with. */
interface Desk {
  readonly desk: ScheduleDesk;
  readonly tenantId: number;
  /** Whether somebody carries out what is stored. */
  readonly isServed: boolean;
}

type Action = (call: Call, on: Desk, named: string) => Promise<void>;

const actions: Readonly<Record<string, Action>> = {
  ...{ show, slots, pause, resume, trigger, backfill, backfills, cancel },
};

/** `tutti schedule`: when workflows start by themselves, what became of that, and steering it. */
export const schedule: Command = async (call) => {
  const [action = 'list', named] = call.args.positionals;
  if (action === 'preview') return await showPreview(call, needed(action, named));
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (action !== 'list' && !act)
    throw wrong(`takes list, preview, ${Object.keys(actions).join(', ')}, not '${action}'`);
  const name = action === 'list' ? '' : needed(action, named);
  return await withTenant(call, async (host, tenantId) => {
    const desk = scheduleDeskOf(host, null);
    const on = { desk, tenantId, isServed: await host.isServed() };
    await (act ?? list)(call, on, name);
  });
};

async function list({ terminal }: Call, { desk, tenantId, isServed }: Desk): Promise<void> {
  const views = await desk.list(tenantId);
  if (terminal.isJson) return terminal.print(views);
  const rows = views.map((view) => [
    view.name,
    view.workflow,
    view.when,
    nextOf(view, desk),
    lastOf(view.last),
  ]);
  const head = ['schedule', 'starts', 'when', 'next', 'last'];
  if (rows.length > 0) for (const line of table([head, ...rows])) terminal.say(line);
  terminal.say(
    isServed
      ? `${countOf(views.length, 'schedule')}.`
      : `${countOf(views.length, 'schedule')}. Nobody serves: nothing starts by itself until somebody does (tutti serve).`,
  );
}

async function show(call: Call, { desk, tenantId }: Desk, name: string): Promise<void> {
  const { terminal } = call;
  if (isId(name)) return tellBackfill(call, await desk.backfills.show(tenantId, name));
  const view = await desk.show(tenantId, name);
  if (terminal.isJson) return terminal.print(view);
  const { declaration: declared } = view;
  const { which, windowMs, lockedPeriod } = declared.catchUp;
  const rows = [
    ['starts', view.workflow],
    ['input', JSON.stringify(declared.input)],
    ['company', view.company ?? 'the group'],
    ['when', view.when],
    ['without', declared.exclude.join(', ')],
    ['next', nextOf(view, desk)],
    ['last', lastOf(view.last)],
    ['overlap', `${view.overlap} (${view.open} under way, ${view.queued} waiting)`],
    ['catch up', `${which}, within ${windowMs / 3_600_000} h, locked periods: ${lockedPeriod}`],
    ['window', declared.window ? `until ${declared.window.deadline}` : ''],
    ['declared', view.module === null ? 'tutti.config.ts' : `module ${view.module}`],
  ];
  for (const line of table(rows.filter(([, text]) => text !== ''))) terminal.say(line);
}

/** Needs no database: schedules are data. */
async function showPreview(call: Call, named: string): Promise<number> {
  const { args, terminal } = call;
  const count = args.integer('count', { from: 1, to: 200 }) ?? 10;
  const ask = { count, after: systemClock.now() };
  const views = /^@|\s/.test(named)
    ? preview(adHoc(call, named), [], ask)
    : await previewDeclared(call, named, ask);
  if (terminal.isJson) terminal.print(views);
  else {
    for (const line of table(views.map(cellsOfOccurrence))) terminal.say(line);
    if (views.length === 0) terminal.say('It never comes due again.');
  }
  return exit.done;
}

function adHoc({ args }: Call, cron: string) {
  const timeZone = args.text('zone');
  if (timeZone === undefined || !isTimeZone(timeZone))
    throw wrong('preview CRON needs --zone, for example --zone Europe/Berlin');
  const when = { cron, timeZone, ...(args.has('seconds') && { seconds: true as const }) };
  const fault = cronFault(when);
  if (fault !== null) throw new EngineError('INPUT_INVALID', `${fault}.`);
  return defineSchedule({ name: 'preview', workflow: '', when });
}

async function previewDeclared(
  call: Call,
  name: string,
  ask: Parameters<typeof preview>[2],
): Promise<readonly OccurrenceView[]> {
  const { registry } = await openConfig(hostOptions(call));
  const found = registry.schedules.get(name);
  if (found) return preview(found.schedule, registry.calendars, ask);
  const known = [...registry.schedules.keys()].join(', ') || 'none';
  throw new EngineError(
    'SCHEDULE_UNKNOWN',
    `There is no schedule '${name.slice(0, 64)}'; there are: ${known}. A cron expression stands in quotes.`,
  );
}

async function slots({ args, terminal }: Call, { desk, tenantId }: Desk, name: string) {
  const limit = args.integer('limit', { from: 1, to: 1_000 }) ?? 20;
  const views = await desk.slots(tenantId, name, { limit });
  if (terminal.isJson) return terminal.print(views);
  for (const line of table(views.map(cellsOfSlot))) terminal.say(line);
  terminal.say(
    views.length === 0 ? 'It has not come due yet.' : `${countOf(views.length, 'slot')}.`,
  );
}

async function pause({ args, terminal }: Call, { desk, tenantId }: Desk, name: string) {
  const reason = args.text('reason') ?? '';
  const view = await desk.pause(tenantId, name, { actor: operator(), reason });
  if (terminal.isJson) return terminal.print(view);
  terminal.say(
    `'${name}' is paused: what comes due is skipped until: tutti schedule resume ${name}`,
  );
}

async function resume({ terminal }: Call, { desk, tenantId }: Desk, name: string) {
  const view = await desk.resume(tenantId, name, { actor: operator() });
  if (terminal.isJson) return terminal.print(view);
  terminal.say(`'${name}' comes due again, next: ${nextOf(view, desk)}.`);
}

async function trigger({ args, terminal }: Call, { desk, tenantId, isServed }: Desk, name: string) {
  const overlap = oneOf(args.text('overlap'), 'overlap', ['skip', 'queue', 'allow']);
  const businessDate = args.text('date');
  if (businessDate !== undefined && !isDay(businessDate))
    throw wrong(`takes a day for --date, for example 2026-06-30, not '${businessDate}'`);
  const key = args.text('key') ?? newId();
  const slot = await desk.trigger(tenantId, name, {
    ...{ actor: operator(), key, overlap, businessDate },
  });
  if (terminal.isJson) return terminal.print(slot);
  const later = isServed ? '' : ' An engine takes it up when one starts (tutti serve).';
  if (slot.runId !== null)
    return terminal.say(`'${name}' has run ${slot.runId} for ${slot.businessDate}.${later}`);
  const how =
    slot.reason === 'overlap' ? 'its last run goes on; --overlap allow starts it anyway' : '';
  terminal.say(`'${name}' is ${slot.state}${how && `: ${how}`}.`);
}

async function backfill(call: Call, { desk, tenantId, isServed }: Desk, name: string) {
  const { args } = call;
  const [from, to] = [args.text('from'), args.text('to')];
  if (from === undefined || to === undefined) throw wrong('backfill needs --from and --to');
  for (const text of [from, to])
    if (Number.isNaN(Date.parse(text)))
      throw wrong(`takes a day or an instant, for example 2026-06-30, not '${text.slice(0, 40)}'`);
  const registered = desk.schedule(name);
  const ask: NewBackfill = {
    ...{ tenantId, actor: operator(), key: args.text('key') ?? newId() },
    ...spanOfDays({ from, to }, desk.zoneOf(registered.schedule)),
    reprocess:
      oneOf(args.text('reprocess'), 'reprocess', ['none', 'failed', 'completed']) ?? 'none',
    maxActiveRuns: args.integer('max-active-runs', { from: 1, to: 100 }) ?? 1,
    order: args.has('backwards') ? 'backwards' : 'forwards',
  };
  const view = args.has('dry-run')
    ? await desk.backfills.plan(registered, ask)
    : await desk.backfills.create(registered, ask);
  tellBackfill(call, view);
  if (view.state === 'running' && !isServed && !call.terminal.isJson)
    call.terminal.say('Nobody serves: it begins when somebody does (tutti serve).');
}

async function backfills({ terminal }: Call, { desk, tenantId }: Desk, name: string) {
  const views = await desk.backfills.list(tenantId, desk.schedule(name).schedule.name);
  if (terminal.isJson) return terminal.print(views);
  const zone = desk.zoneOf(desk.schedule(name).schedule);
  const cells = views.map(({ id, from, to, state, reprocess, actor }) => {
    const span = `${localMoment(from.getTime(), zone)} to ${localMoment(to.getTime(), zone)}`;
    return [id ?? '', span, state, reprocess, actor.id];
  });
  for (const line of table(cells)) terminal.say(line);
  terminal.say(`${countOf(views.length, 'backfill')}.`);
}

async function cancel(call: Call, { desk, tenantId }: Desk, id: string): Promise<void> {
  tellBackfill(call, await desk.backfills.cancel(tenantId, id, operator()));
}

function tellBackfill({ terminal }: Call, view: BackfillView): void {
  if (terminal.isJson) return terminal.print(view);
  for (const line of table(view.slots.map(cellsOfBackfill))) terminal.say(line);
  const starting = view.slots.filter(({ state }) => state !== 'skipped').length;
  const what = `${countOf(view.slots.length, 'slot')} of '${view.schedule}', ${countOf(starting, 'run')}`;
  const atOnce = `${view.maxActiveRuns} at once, ${view.order}`;
  terminal.say(
    view.id === null
      ? `It would be ${what}, ${atOnce}. Nothing was stored.`
      : `Backfill ${view.id} (${view.state}): ${what}, ${atOnce}.`,
  );
}

function cellsOfBackfill({ at, timeZone, ...slot }: BackfillView['slots'][number]) {
  const what = slot.state === 'skipped' ? `skipped: ${slot.reason}` : (slot.outcome ?? slot.state);
  const run = slot.error?.message ?? slot.runId ?? '';
  return [localMoment(at.getTime(), timeZone), `for ${slot.businessDate}`, what, run];
}

function cellsOfSlot({ at, timeZone, origin, ...slot }: SlotView): readonly string[] {
  const by = slot.actor ? `${origin} by ${slot.actor.id}` : origin;
  const what = slot.state === 'skipped' ? `skipped: ${slot.reason}` : (slot.outcome ?? slot.state);
  const run = slot.error?.message ?? slot.runId ?? '';
  return [localMoment(at.getTime(), timeZone), `for ${slot.businessDate}`, what, by, run];
}

function cellsOfOccurrence({ local, timeZone, businessDate, period, excluded }: OccurrenceView) {
  const why = excluded === null ? '' : `skipped: ${excluded}`;
  return [local, timeZone, `for ${businessDate}`, period === null ? '' : `period ${period}`, why];
}

function nextOf({ paused, nextAt, declaration }: ScheduleView, desk: ScheduleDesk): string {
  if (paused) return `paused by ${paused.by.id}${paused.reason && `: ${paused.reason}`}`;
  if (nextAt === null) return 'never again';
  return localMoment(nextAt.getTime(), desk.zoneOf(declaration));
}

function lastOf(slot: SlotView | null): string {
  if (!slot) return 'never';
  const what = slot.state === 'skipped' ? `skipped: ${slot.reason}` : (slot.outcome ?? slot.state);
  return `${localMoment(slot.at.getTime(), slot.timeZone)} ${what}`;
}

function oneOf<const T extends string>(
  text: string | undefined,
  flag: string,
  words: readonly T[],
): T | undefined {
  const found = words.find((word) => word === text);
  if (text === undefined || found !== undefined) return found;
  throw wrong(`takes ${words.join(', ')} for --${flag}, not '${text.slice(0, 40)}'`);
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
}

function needed(action: string, named: string | undefined): string {
  if (named !== undefined) return named;
  throw wrong(`${action} needs a NAME; see what there is: tutti schedule list`);
}
