import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EngineError } from '../../../core/base/errors.ts';
import type { RunRequest } from '../../../core/engine/run/request.ts';
import { openDatabase } from '../../../core/ports/db/database.ts';
import { insertSlots, lockSchedule } from '../../../core/service/schedules/slot-store.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';
import { hour, hourly, labOfEach, minute, ScheduleLab } from './lab.ts';

describe('a slot starts one run', () => {
  let lab: ScheduleLab;
  labOfEach((own) => {
    lab = own;
  });

  async function isAnybodyWaiting(): Promise<boolean> {
    // What others wait for, their login role alone may see.
    const { rows } = await lab.fresh.database.admin((client) =>
      client.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      ),
    );
    return rows.length > 0;
  }

  for (const count of [2, 3])
    it(`with ${count} engines that look at the same moment, each on connections of its own`, async () => {
      verifies('R2.schedule-once');
      const everyMinute = { cron: '* * * * *', timeZone: 'UTC' };
      const schedules = [
        hourly({ when: everyMinute, overlap: 'allow' }),
        hourly({ name: 'skipping', when: everyMinute }),
        hourly({ name: 'queueing', when: everyMinute, overlap: 'queue' }),
      ];
      const databases = await Promise.all(
        Array.from({ length: count }, () => openDatabase({ url: lab.fresh.url, dataFolder: '' })),
      );
      const parts = await Promise.all(
        databases.map((database) =>
          lab.part({ schedules, pool: database.pool('tutti_engine', 3) }),
        ),
      );

      for (let passed = 0; passed < 25; passed += 1) {
        await lab.pass(minute, ...parts);
        if (passed % 5 === 4) {
          await lab.end();
          await Promise.all(parts.map((part) => part.look()));
        }
      }

      await Promise.all(parts.map((part) => part.close()));
      await Promise.all(databases.map((database) => database.close()));
      const runs = await lab.runs();
      const keys = (name: string) => runs.filter(({ key }) => key.startsWith(`${name}/`)).length;
      assert.equal(new Set(runs.map(({ key }) => key)).size, runs.length);
      assert.deepEqual([keys('hourly'), (await lab.slots('hourly')).length], [25, 25]);
      // Each run lasts five minutes: one fires, and of the five that come due meanwhile none does.
      assert.deepEqual([keys('skipping'), (await lab.slots('skipping')).length], [5, 25]);
      // One at the first minute, and one more whenever the one before has ended.
      assert.deepEqual([keys('queueing'), (await lab.slots('queueing')).length], [6, 25]);
    });

  it('when the process dies between slot and run, or between run and slot', async () => {
    verifies('R2.schedule-once');
    const died = new EngineError('ENGINE_STOPPED', 'The engine is stopping.');
    let isStored = false;
    const parts = lab.parts({});
    // What a death leaves: the slot alone, or slot and run, with no word of it in the slot.
    const start = async (request: RunRequest) => {
      if (isStored) await parts.runs.start(request);
      throw died;
    };
    for (isStored of [false, true]) {
      const dying = await lab.part({ start });
      await lab.pass(hour, dying);
      assert.equal(lab.errors.splice(0)[0], died);
      await dying.close();
      await Promise.all([lab.part({}), lab.part({})]);
      await lab.end();
    }
    await lab.part({});

    assert.deepEqual(await lab.slots(), ['01:00 succeeded', '02:00 succeeded']);
    assert.equal((await lab.runs()).length, 2);
  });

  it('and none beside a trigger that is being decided about at the same moment', async () => {
    verifies('R2.schedule-once');
    const of = { tenantId: lab.tenantId, name: 'hourly' };
    const part = await lab.part({});
    const client = await lab.pool.connect();
    await client.query('BEGIN');
    await lockSchedule(client, of);
    const actor = { kind: 'person', id: 'anna' } as const;
    await insertSlots(client, { ...of, schedule: of.name, origin: 'trigger', actor }, [
      {
        ...{ at: lab.now, dueAt: lab.now, state: 'due', reason: null, runKey: 'by hand' },
        ...{ businessDate: '2026-07-06', timeZone: 'UTC' },
      },
    ]);

    let hasLooked = false;
    const look = lab.pass(31 * minute, part).then(() => {
      hasLooked = true;
    });
    await eventually(async () => hasLooked || (await isAnybodyWaiting()));
    await client.query('COMMIT');
    client.release();
    await look;

    assert.deepEqual(await lab.slots(), ['01:00 overlap']);
    assert.deepEqual(
      (await lab.runs()).map(({ key }) => key),
      ['by hand'],
    );
  });

  it('wherever clocks are set to, and however they are set while it waits', async () => {
    verifies('R2.schedule-once');
    const zone = { when: { cron: '*/10 * * * *', timeZone: 'Europe/Berlin' } };
    const schedules = [hourly({ ...zone, overlap: 'allow', catchUp: { which: 'all' } })];
    const clocks = [-hour, 0, hour].map((offset) => new FakeClock(lab.now + offset));
    const parts = await Promise.all(clocks.map((clock) => lab.part({ schedules, clock })));
    const since = lab.now;

    // The moment by which slots come due is the database's; the clocks of the machines say what they will.
    for (let passed = 0; passed < 12; passed += 1) {
      for (const clock of clocks) clock.pass(passed % 3 === 0 ? hour : 1);
      await lab.pass(10 * minute, ...parts);
      assert.equal((await lab.runs()).length, passed + 1);
    }
    assert.equal(lab.now - since, 2 * hour);
  });

  it('even where the database’s own clock steps an hour back or forth', async () => {
    verifies('R2.schedule-once');
    const steps = fc.array(fc.constantFrom(-hour, hour, minute, 7 * minute, 10 * minute), {
      ...{ minLength: 5, maxLength: 25 },
    });
    await fc.assert(
      fc.asyncProperty(steps, async (moves) => {
        const own = await ScheduleLab.open(lab.fresh);
        const schedules = [
          hourly({
            when: { cron: '*/10 * * * *', timeZone: 'UTC' },
            overlap: 'allow',
            catchUp: { which: 'all' },
          }),
        ];
        const parts = [await own.part({ schedules }), await own.part({ schedules })];
        let [latest, since] = [own.now, own.now];
        for (const move of moves) {
          await own.pass(move, ...parts);
          latest = Math.max(latest, own.now);
        }
        const expected: string[] = [];
        for (
          let at = Math.floor(since / (10 * minute)) * 10 * minute + 10 * minute;
          at <= latest;
          at += 10 * minute
        )
          expected.push(`hourly/${new Date(at).toISOString()}`);
        assert.deepEqual(
          (await own.runs()).map(({ key }) => key),
          expected,
        );
        await own.rest();
      }),
      { numRuns: 15 },
    );
  });
});
