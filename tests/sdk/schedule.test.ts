import assert from 'node:assert/strict';
import {
  defineCalendar,
  defineModule,
  defineSchedule,
  defineWorkflow,
  type Schedule,
  type ScheduleDeclaration,
  slotInput,
  z,
} from 'tutti';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import {
  dueAt,
  logicalMoment,
  nextOccurrence,
  occurrences,
} from '../../core/sdk/calendar/occurrences.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { calendars } from '../../modules/calendars.ts';
import { verifies } from '../support/verifies.ts';

const workflow = defineWorkflow({
  name: 'night',
  input: z.strictObject({ deep: z.boolean().default(false) }),
  graph: () => {},
});
const told = defineWorkflow({
  name: 'told',
  input: z.object({ slot: slotInput.optional() }),
  graph: () => {},
});
const timeZone = 'Europe/Berlin';
const nightly = { cron: '0 22 * * *', timeZone };
const retail = defineCalendar({
  ...{ name: 'Retail', companies: ['SHOP'], timeZone: 'America/New_York' },
  fiscalYear: {
    ...{ kind: 'weeks', pattern: '4-4-5', named: 'start' },
    ends: { month: 1, weekday: 'saturday', rule: 'nearest' },
  },
});
const all = [...calendars, retail];

const declare = (more: Partial<ScheduleDeclaration> = {}): Schedule =>
  defineSchedule({ name: 'n', workflow: 'night', when: nightly, ...more });

const load = (...schedules: readonly Schedule[]) =>
  loadRegistry(
    { modules: [], workflows: [workflow, told], calendars: all, schedules },
    sharedEntities,
  );

/** The next moments, as UTC, and those that are excluded. */
function comes(schedule: Schedule, after: string, limit: number): readonly string[] {
  const span = { after: Date.parse(after), until: Number.POSITIVE_INFINITY, limit };
  return [...occurrences(schedule, all, span)].map(({ at, excluded }) =>
    [new Date(at).toISOString().slice(0, 16), excluded].filter(Boolean).join(' '),
  );
}

describe('a schedule', () => {
  it('gets its defaults, and is checked when the modules load', () => {
    verifies('R2.schedule');
    const module = defineModule({
      name: 'm',
      version: '1.0.0',
      schedules: [declare({ name: 'own' })],
    });
    const config = { modules: [module], workflows: [workflow, told], calendars: all };

    const { schedules } = loadRegistry(
      { ...config, schedules: [declare({ workflow: told })] },
      sharedEntities,
    );

    const own = schedules.get('own');
    assert.deepEqual([own?.module, schedules.get('n')?.module], ['m', null]);
    assert.deepEqual([own?.takesSlot, schedules.get('n')?.takesSlot], [false, true]);
    assert.equal(own?.schedule.overlap, 'skip');
    assert.deepEqual(own?.schedule.catchUp, {
      ...{ which: 'last', windowMs: 21_600_000, lockedPeriod: 'skip' },
    });
  });

  it('is refused with its name and what is wrong', () => {
    const wrong: readonly (readonly [RegExp, Partial<ScheduleDeclaration>])[] = [
      [/schedule 'n' starts 'day', which is no workflow/, { workflow: 'day' }],
      [/input that it does not take: deep/, { input: { deep: 1 } }],
      [/'0 25 \* \* \*' cannot be read/, { when: { cron: '0 25 * * *', timeZone } }],
      [/when\.0\.timeZone.*IANA/, { when: { cron: '@daily', timeZone: 'Berlin' } }],
      [/when\.0\.timeZone.*IANA/, { when: { cron: '@daily', timeZone: '+02:00' } }],
      [/when\.0\.timeZone/, { when: { cron: '@daily' } as never }],
      [/names no moment/, { when: { moment: 'SOON', time: '06:00' } }],
      [/no time of day/, { when: { moment: 'BD+1', time: '6' } }],
      [/no calendar 'Mars'/, { when: { moment: 'BD+1', time: '06:00', calendar: 'Mars' } }],
      [/no calendar 'Mars'/, { calendar: 'Mars' }],
      [/names no time/, { when: [] }],
      [/'jitterMs'.*hour/, { jitterMs: 3_600_001 }],
      [/'startAt'.*offset/, { startAt: '2026-01-01' }],
      [/ends before it starts/, { startAt: '2026-02-01T00:00:00Z', endAt: '2026-01-01T00:00:00Z' }],
      [/'window.deadline'/, { window: { deadline: '6:00' } }],
      [/'exclude.0'/, { exclude: ['mondays' as 'weekends'] }],
    ];
    for (const [message, more] of wrong)
      assert.throws(
        () => load(declare(more)),
        { code: 'MODULE_INVALID', message },
        String(message),
      );
    assert.throws(() => load(declare(), declare()), /declared twice/);
  });

  it('leaves out weekends, holidays and dates, and says which', () => {
    verifies('R2.schedule-policies');
    const schedule = declare({ exclude: ['weekends', 'holidays', '2026-12-23'] });
    assert.deepEqual(comes(schedule, '2026-12-22T22:00Z', 7), [
      '2026-12-23T21:00 date',
      '2026-12-24T21:00',
      '2026-12-25T21:00 holiday',
      '2026-12-26T21:00 holiday',
      '2026-12-27T21:00 weekend',
      '2026-12-28T21:00',
      '2026-12-29T21:00',
    ]);
  });

  it('goes by the moments of its company’s calendar, 4-4-5 weeks and leap days too', () => {
    verifies('R2.calendar-moments');
    const close = { moment: 'PERIOD_CLOSE', time: '18:00' };
    const shop = declare({ company: 'SHOP', when: close });
    assert.deepEqual(comes(shop, '2026-02-01T00:00Z', 4), [
      '2026-02-28T23:00',
      '2026-03-28T22:00',
      '2026-05-02T22:00',
      '2026-05-30T22:00',
    ]);
    assert.deepEqual(comes(declare({ when: close }), '2028-02-01T00:00Z', 1), ['2028-02-29T17:00']);
    const { period, previousPeriod } = logicalMoment(shop, all, {
      ...{ at: Date.parse('2026-05-03T12:00Z'), timeZone: 'America/New_York' },
    });
    assert.deepEqual([period, previousPeriod], ['2026-04', '2026-03']);
  });

  it('has several times, and one slot where they meet', () => {
    const when = [
      { cron: '0 18 * * FRI', timeZone },
      { moment: 'PERIOD_CLOSE-2BD', time: '18:00' },
      { moment: 'BD+1', time: '06:00', calendar: 'United States' },
    ];
    assert.deepEqual(comes(declare({ when }), '2026-05-28T00:00Z', 4), [
      // A Friday, but not two days before the last, a Sunday: that was Thursday.
      '2026-05-28T16:00',
      '2026-05-29T16:00',
      '2026-06-01T10:00',
      '2026-06-05T16:00',
    ]);
    const meeting = declare({ when: [nightly, nightly, { cron: '0 20 * * *', timeZone: 'UTC' }] });
    assert.deepEqual(comes(meeting, '2026-07-01T00:00Z', 2), [
      '2026-07-01T20:00',
      '2026-07-02T20:00',
    ]);
  });

  it('begins and ends when it says so', () => {
    const schedule = declare({
      startAt: '2026-07-02T22:00:00+02:00',
      endAt: '2026-07-04T22:00:00+02:00',
    });
    assert.deepEqual(comes(schedule, '2026-06-01T00:00Z', 9), [
      '2026-07-02T20:00',
      '2026-07-03T20:00',
    ]);
    assert.equal(nextOccurrence(schedule, all, Date.parse('2026-07-04T00:00Z')), null);
  });

  it('tells a run what day it is for, and until when', () => {
    const meaning = (more: Partial<ScheduleDeclaration>, at: string) => {
      const { businessDate, deadlineAt } = logicalMoment(declare(more), all, {
        ...{ at: Date.parse(at), timeZone },
      });
      return [businessDate, deadlineAt && new Date(deadlineAt).toISOString().slice(0, 16)];
    };
    const window = { deadline: '06:00' };
    // In Berlin it is tomorrow already.
    assert.deepEqual(meaning({ window }, '2026-07-06T22:30Z'), ['2026-07-07', '2026-07-07T04:00']);
    assert.deepEqual(meaning({ window }, '2026-10-24T20:00Z'), ['2026-10-24', '2026-10-25T05:00']);
    assert.deepEqual(meaning({ businessDate: 'previous_day' }, '2026-07-06T00:30Z'), [
      '2026-07-05',
      null,
    ]);
    assert.deepEqual(meaning({ businessDate: 'previous_business_day' }, '2026-07-06T00:30Z'), [
      '2026-07-03',
      null,
    ]);
  });

  it('spreads its slots by a jitter that everybody comes to', () => {
    const schedule = declare({ jitterMs: 600_000 });
    const at = Array.from({ length: 200 }, (_, day) => Date.UTC(2026, 0, day, 21));
    const delays = at.map((each) => dueAt(schedule, 1, each) - each);
    assert.ok(delays.every((delay) => delay >= 0 && delay <= 600_000));
    assert.ok(new Set(delays).size > 150);
    assert.deepEqual(
      delays,
      at.map((each) => dueAt(declare({ jitterMs: 600_000 }), 1, each) - each),
    );
    assert.notDeepEqual(
      delays,
      at.map((each) => dueAt(schedule, 2, each) - each),
    );
  });
});
