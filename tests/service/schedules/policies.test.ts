import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import { readTenants } from '../../../core/service/identity/tenants.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';
import { hour, hourly, labOfEach, minute, type ScheduleLab } from './lab.ts';

describe('what becomes of a slot', () => {
  let lab: ScheduleLab;
  labOfEach((own) => {
    lab = own;
  });

  it('starts a run with its key, its day and its zone, and tells it its slot', async () => {
    verifies('R2.schedule');
    const schedule = hourly({
      when: { cron: '0 1 * * *', timeZone: 'Europe/Berlin' },
      ...{ company: 'MCG-DE', priority: 8, businessDate: 'previous_day', input: { deep: true } },
      ...{ window: { deadline: '06:00' }, goal: 'Look deep.' },
    });
    const part = await lab.part({ schedules: [schedule] });

    await lab.pass(22.5 * hour, part);

    const [run, ...others] = await lab.runs();
    assert.deepEqual(others, []);
    assert.equal(run?.key, 'hourly/2026-07-06T23:00:00.000Z');
    assert.deepEqual([run?.business_date, run?.time_zone], ['2026-07-06', 'Europe/Berlin']);
    assert.deepEqual([run?.company, run?.actor], ['MCG-DE', { kind: 'schedule', id: 'hourly' }]);
    assert.equal(run?.goal, 'Look deep.');
    assert.deepEqual(run?.input, {
      deep: true,
      slot: {
        ...{ schedule: 'hourly', at: '2026-07-06T23:00:00.000Z', timeZone: 'Europe/Berlin' },
        ...{ businessDate: '2026-07-06', period: '2026-07', previousPeriod: '2026-06' },
        deadlineAt: '2026-07-07T04:00:00.000Z',
      },
    });
  });

  it('keeps no other from starting where its own run cannot be stored', async () => {
    const error = new EngineError('ERP_UNAVAILABLE', 'Nobody answers.');
    const { runs } = lab.parts({});
    const part = await lab.part({
      schedules: [
        hourly({ when: { cron: '55 * * * *', timeZone: 'UTC' } }),
        hourly({ name: 'later' }),
      ],
      start: async (request) => {
        if (request.key?.startsWith('hourly/')) throw error;
        return await runs.start(request);
      },
    });

    await lab.pass(hour, part);

    assert.deepEqual(await lab.slots('hourly'), ['00:55 due']);
    assert.deepEqual(await lab.slots('later'), ['01:00 fired']);
    assert.deepEqual([...new Set(lab.errors.splice(0))], [error]);
  });

  it('does not start what came due before the schedule was known', async () => {
    const part = await lab.part({});
    assert.deepEqual(await lab.slots(), []);
    await lab.pass(30 * minute, part);
    assert.deepEqual(await lab.slots(), ['01:00 fired']);
  });

  it('wakes by itself when it comes due, and not before', async () => {
    const clock = new FakeClock(lab.now);
    await lab.part({ clock });
    lab.now = Date.parse('2026-07-06T00:59:57Z');
    clock.pass(5_000);
    await eventually(() => clock.nextAt !== null);
    assert.equal((clock.nextAt ?? 0) - clock.now(), 3_000);
    lab.now += 3_000;
    clock.pass(3_000);
    await eventually(async () => (await lab.slots()).length === 1);
  });

  const overlaps = [
    ['skip', ['01:00 succeeded', '02:00 overlap', '03:00 overlap', '04:00 fired'], 0],
    ['queue', ['01:00 succeeded', '02:00 fired', '03:00 queued', '04:00 queued'], 0],
    ['cancel_running', ['01:00 succeeded', '02:00 superseded', '03:00 fired', '04:00 queued'], 2],
    ['allow', ['01:00 succeeded', '02:00 succeeded', '03:00 succeeded', '04:00 fired'], 0],
  ] as const;
  for (const [overlap, expected, cancelled] of overlaps)
    it(`overlap ${overlap}: decides by what goes on`, async () => {
      verifies('R2.schedule-policies');
      const part = await lab.part({ schedules: [hourly({ overlap })] });
      await lab.pass(31 * minute, part);
      await lab.pass(hour, part);
      await lab.pass(hour, part);

      await lab.end();
      await lab.pass(minute, part);
      await lab.pass(hour, part);

      assert.deepEqual(await lab.slots(), expected);
      assert.equal(new Set(lab.cancelled).size, cancelled);
    });

  const downtimes = [
    ['all', 4, ['03:00 missed', '04:00 fired', '05:00 fired', '06:00 fired', '07:00 fired']],
    [
      'last',
      4,
      ['03:00 missed', '04:00 superseded', '05:00 superseded', '06:00 superseded', '07:00 fired'],
    ],
    ['none', 4, ['03:00 missed', '04:00 missed', '05:00 missed', '06:00 missed', '07:00 missed']],
    [
      'last',
      0.25,
      ['03:00 missed', '04:00 missed', '05:00 missed', '06:00 missed', '07:00 missed'],
    ],
  ] as const;
  for (const [which, hours, expected] of downtimes)
    it(`catching up ${which} of ${hours} h: decides about what was missed`, async () => {
      verifies('R2.schedule-policies');
      const catchUp = { which, windowMs: hours * hour };
      const schedules = [hourly({ overlap: 'allow', catchUp })];
      await (await lab.part({ schedules })).close();

      lab.now = Date.parse('2026-07-06T07:30:00Z');
      await lab.part({ schedules });

      const [first, second, ...rest] = await lab.slots();
      assert.deepEqual([first, second], ['01:00 missed', '02:00 missed']);
      assert.deepEqual(rest, expected);
    });

  it('does not start late what its period was locked for, or whose window is over', async () => {
    verifies('R2.schedule-policies');
    const daily = (name: string, more: Parameters<typeof hourly>[0]) => {
      const catchUp = { which: 'all', windowMs: 72 * hour } as const;
      const when = { cron: '0 12 * * *', timeZone: 'UTC' };
      return hourly({ name, overlap: 'allow', when, catchUp, ...more });
    };
    const schedules = [
      daily('skips', {}),
      daily('runs', { catchUp: { which: 'all', windowMs: 72 * hour, lockedPeriod: 'run' } }),
      daily('ends', { window: { deadline: '20:00' } }),
    ];
    await (await lab.part({ schedules })).close();
    lab.locked = new Set(['2026-07-06', '2026-07-08']);

    lab.now = Date.parse('2026-07-08T12:00:30Z');
    await lab.part({ schedules });

    // What comes in time asks nobody: the guard says what may be posted.
    assert.deepEqual(await lab.slots('skips'), [
      '12:00 period_locked',
      '12:00 fired',
      '12:00 fired',
    ]);
    assert.deepEqual(await lab.slots('runs'), ['12:00 fired', '12:00 fired', '12:00 fired']);
    assert.deepEqual(await lab.slots('ends'), [
      '12:00 window_over',
      '12:00 window_over',
      '12:00 fired',
    ]);
  });

  it('does not let go what waited past its window', async () => {
    const schedules = [hourly({ overlap: 'queue', window: { deadline: '02:30' } })];
    const part = await lab.part({ schedules });
    await lab.pass(31 * minute, part);
    await lab.pass(hour, part);

    lab.now = Date.parse('2026-07-06T02:45:00Z');
    await lab.end();
    await part.look();

    assert.deepEqual(await lab.slots(), ['01:00 succeeded', '02:00 window_over']);
  });

  it('is skipped while the schedule is paused or its tenant suspended, and while nobody looked, too', async () => {
    verifies('R2.schedule-policies');
    const part = await lab.part({});
    const desk = lab.desk();
    const actor = { kind: 'person', id: 'anna' } as const;
    await desk.pause(lab.tenantId, 'hourly', { actor, reason: 'stocktaking' });
    await lab.pass(31 * minute, part);
    await part.close();
    await lab.pass(hour);
    await desk.resume(lab.tenantId, 'hourly', { actor });
    const next = await lab.part({});
    await lab.pass(hour, next);
    await lab.pool.query('UPDATE tutti.tenant SET suspended_at = now() WHERE id = $1', [
      lab.tenantId,
    ]);
    await lab.pass(hour, next);

    assert.deepEqual(await lab.slots(), [
      '01:00 paused',
      '02:00 paused',
      '03:00 fired',
      '04:00 suspended',
    ]);
    const { rows } = await lab.pool.query(
      `SELECT action, target, actor->>'id' AS by FROM tutti.audit WHERE tenant_id = $1 ORDER BY seq`,
      [lab.tenantId],
    );
    assert.deepEqual(rows, [
      { action: 'schedule.pause', target: 'hourly', by: 'anna' },
      { action: 'schedule.resume', target: 'hourly', by: 'anna' },
    ]);
  });

  it('is a run that must have ended by the end of its window, where the clock gave it and not a person', async () => {
    verifies('R2.schedule');
    const schedules = [hourly({ overlap: 'allow', window: { deadline: '06:00' } })];
    const part = await lab.part({ schedules });
    const desk = lab.desk({ schedules });
    const actor = { kind: 'person', id: 'anna' } as const;
    await lab.pass(31 * minute, part);
    await desk.trigger(lab.tenantId, 'hourly', { actor, key: 'one' });

    const { rows } = await lab.pool.query(
      `SELECT key, pins->>'deadlineAt' AS deadline FROM tutti.run WHERE tenant_id = $1 ORDER BY key`,
      [lab.tenantId],
    );

    assert.deepEqual(rows, [
      { key: 'hourly/2026-07-06T01:00:00.000Z', deadline: '2026-07-06T06:00:00.000Z' },
      { key: 'hourly/trigger/one', deadline: null },
    ]);
  });

  it('comes due for every tenant, also for one that is made meanwhile, and waits while a tenant is suspended', async () => {
    verifies('R2.schedule');
    const [schedules, actor] = [[hourly()], { kind: 'person', id: 'anna' } as const];
    const own = new Set([lab.tenantId]);
    const tenants = async () => (await readTenants(lab.pool)).filter(({ id }) => own.has(id));
    const part = await lab.part({ schedules, tenants });
    await lab.pass(31 * minute, part);
    await lab.pass(58.75 * minute, part);
    const other = await lab.store.tenant(`other-${lab.tenantId}`);
    own.add(other);
    await lab.pass(minute / 6, part);
    await lab.pass(minute / 6, part);

    assert.deepEqual(await lab.slots(), ['01:00 fired', '02:00 overlap']);
    assert.deepEqual(await lab.slots('hourly', other), ['02:00 fired']);

    const desk = lab.desk({ schedules });
    await desk.trigger(other, 'hourly', { actor, key: 'waits', overlap: 'queue' });
    const suspend = (to: string) =>
      lab.pool.query(`UPDATE tutti.tenant SET suspended_at = ${to} WHERE id = $1`, [other]);
    await suspend('now()');
    await lab.end('succeeded', other);
    await assert.rejects(desk.trigger(other, 'hourly', { actor, key: 'refused' }), {
      code: 'TENANT_SUSPENDED',
    });
    await lab.pass(hour, part);
    assert.deepEqual(await lab.slots('hourly', other), ['02:00 succeeded', '03:00 suspended']);
    assert.equal((await desk.slots(other, 'hourly', { limit: 9 }))[1]?.state, 'queued');
    await suspend('NULL');
    await lab.pass(minute, part);
    assert.equal((await desk.slots(other, 'hourly', { limit: 9 }))[1]?.state, 'fired');
  });

  it('pauses its schedule when its run fails, if the schedule says so', async () => {
    verifies('R2.schedule-policies');
    const schedules = [hourly({ pauseOnFailure: true }), hourly({ name: 'stubborn' })];
    const part = await lab.part({ schedules });
    await lab.pass(31 * minute, part);
    await lab.end('failed');
    await lab.pass(hour, part);

    assert.deepEqual(await lab.slots(), ['01:00 failed', '02:00 paused']);
    assert.deepEqual(await lab.slots('stubborn'), ['01:00 failed', '02:00 fired']);
    const { paused } = await lab.desk({ schedules }).show(lab.tenantId, 'hourly');
    assert.equal(paused?.by.kind, 'schedule');
    assert.match(paused?.reason ?? '', /^run .{36} failed$/);
  });

  it('is told beforehand, however many moments before it are left out', async () => {
    const everyMinute = { cron: '* * * * *', timeZone: 'UTC' };
    const tokyo = { cron: '0 9 * * *', timeZone: 'Asia/Tokyo' };
    const schedules = [
      hourly({ when: everyMinute, exclude: ['weekends'] }),
      hourly({ name: 'both', when: [everyMinute, tokyo], exclude: ['weekends'] }),
      hourly({
        name: 'never',
        when: tokyo,
        startAt: '2026-07-11T00:00:00Z',
        endAt: '2026-07-12T00:00:00Z',
        exclude: ['weekends'],
      }),
    ];
    const desk = lab.desk({ schedules });
    // A Saturday.
    lab.now = Date.parse('2026-07-11T00:30:00Z');
    const nextOf = async (name: string) => (await desk.show(lab.tenantId, name)).nextAt;

    assert.deepEqual(await nextOf('hourly'), new Date('2026-07-13T00:00:00Z'));
    assert.deepEqual(await nextOf('both'), new Date('2026-07-13T00:00:00Z'));
    assert.equal(await nextOf('never'), null);
    const seen = await desk.occurrences('hourly', { count: 2 });
    assert.deepEqual(
      seen.filter(({ excluded }) => excluded === null).map(({ at }) => at.toISOString()),
      ['2026-07-13T00:00:00.000Z', '2026-07-13T00:01:00.000Z'],
    );
  });

  it('says what kept its run from being stored, and waits where waiting helps', async () => {
    const faults = [
      new EngineError('DB_UNAVAILABLE', 'The database is away.'),
      new EngineError('WORKFLOW_INVALID', 'The workflow is not whole.'),
    ];
    const part = await lab.part({
      schedules: [hourly({ pauseOnFailure: true })],
      start: async () => Promise.reject(faults.shift()),
    });
    await lab.pass(31 * minute, part);
    assert.deepEqual([await lab.slots(), lab.errors.splice(0).length], [['01:00 due'], 1]);

    await lab.pass(minute, part);

    const [slot] = await lab.desk().slots(lab.tenantId, 'hourly', { limit: 9 });
    assert.deepEqual([slot?.state, slot?.error?.code], ['failed', 'WORKFLOW_INVALID']);
    const { paused } = await lab.desk().show(lab.tenantId, 'hourly');
    assert.equal(paused?.reason, 'no run: WORKFLOW_INVALID');
  });

  it('waits for its share of the jitter, and keeps its order', async () => {
    const schedules = [hourly({ jitterMs: 50 * minute, overlap: 'allow' })];
    const part = await lab.part({ schedules });
    const started: number[] = [];
    for (let passed = 0; passed < 6 * hour; passed += minute) {
      await lab.pass(minute, part);
      if ((await lab.slots()).length > started.length) started.push(lab.now);
    }
    const slots = await lab.desk({ schedules }).slots(lab.tenantId, 'hourly', { limit: 9 });
    assert.ok(started.length >= 5);
    for (const [index, { dueAt }] of slots.toReversed().entries())
      assert.ok(Math.abs((started[index] ?? 0) - dueAt.getTime()) <= minute);
  });

  it('begins anew when its times have changed; who was started last counts until nobody has seen them for a while', async () => {
    const before = await lab.part({ schedules: [hourly()] });
    await lab.pass(31 * minute, before);
    await lab.end();
    const half = hourly({ when: { cron: '30 * * * *', timeZone: 'UTC' } });
    const after = await lab.part({ schedules: [half] });

    for (let passed = 0; passed < hour; passed += minute) await lab.pass(minute, before, after);
    assert.deepEqual(await lab.slots(), ['01:00 succeeded', '01:30 fired']);
    await lab.end();
    await after.close();
    await lab.pass(2 * minute, before);
    await lab.pass(4 * minute, before);
    await lab.pass(hour, before);

    assert.deepEqual((await lab.slots()).slice(2), ['03:00 fired']);
  });
});
