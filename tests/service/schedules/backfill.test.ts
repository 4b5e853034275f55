import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import { newId } from '../../../core/base/ids.ts';
import type { NewBackfill } from '../../../core/service/schedules/backfills.ts';
import { verifies } from '../../support/verifies.ts';
import { hour, hourly, labOfEach, minute, type ScheduleLab } from './lab.ts';

const actor = { kind: 'person', id: 'anna' } as const;

describe('slots that somebody asks for', () => {
  let lab: ScheduleLab;
  labOfEach((own) => {
    lab = own;
  });

  const schedules = [hourly({ exclude: ['2026-07-05'] })];

  function ask(more: Partial<NewBackfill> = {}): NewBackfill {
    return {
      ...{ tenantId: lab.tenantId, key: newId(), actor, reprocess: 'none' },
      ...{ from: Date.parse('2026-07-06T00:00Z'), to: Date.parse('2026-07-06T05:00Z') },
      ...{ maxActiveRuns: 2, order: 'forwards', ...more },
    };
  }

  const registered = () => lab.desk({ schedules }).schedule('hourly');

  /** Five slots: one that was missed, one that succeeded, one that failed, one left out, one under way. */
  async function history(): Promise<void> {
    const part = await lab.part({ schedules });
    await lab.pass(31 * minute, part);
    await lab.end('succeeded');
    await lab.pass(hour, part);
    await lab.end('failed');
    await lab.pass(hour, part);
    await lab.pass(hour, part);
    await part.close();
    lab.now = Date.parse('2026-07-06T12:00Z');
  }

  const cases = [
    ['none', '00:00 queued, 01:00 has_run, 02:00 has_run, 03:00 running, 04:00 queued'],
    ['failed', '00:00 queued, 01:00 has_run, 02:00 queued, 03:00 running, 04:00 queued'],
    ['completed', '00:00 queued, 01:00 queued, 02:00 queued, 03:00 running, 04:00 queued'],
  ] as const;
  for (const [reprocess, expected] of cases)
    it(`reprocess ${reprocess}: says what would run, and stores nothing`, async () => {
      verifies('R2.backfill');
      await history();

      const view = await lab.desk({ schedules }).backfills.plan(registered(), ask({ reprocess }));

      const told = view.slots.map(({ at, state, reason }) => {
        return `${at.toISOString().slice(11, 16)} ${reason ?? state}`;
      });
      assert.equal(told.join(', '), expected);
      const { rows } = await lab.pool.query('SELECT FROM tutti.backfill WHERE tenant_id = $1', [
        lab.tenantId,
      ]);
      assert.deepEqual([view.id, rows.length], [null, 0]);
    });

  it('are known to have run when their rows are long gone', async () => {
    verifies('R2.backfill');
    const part = await lab.part({ schedules });
    await lab.pass(31 * minute, part);
    await lab.end('succeeded');
    await lab.pass(minute, part);
    await part.close();
    await lab.pool.query('DELETE FROM tutti.schedule_slot WHERE tenant_id = $1', [lab.tenantId]);
    lab.now = Date.parse('2026-07-06T12:00Z');
    const { backfills } = lab.desk({ schedules });
    const span = { from: Date.parse('2026-07-06T01:00Z'), to: Date.parse('2026-07-06T02:00Z') };

    const plain = await backfills.plan(registered(), ask(span));
    const { id } = await backfills.create(registered(), ask({ ...span, reprocess: 'completed' }));
    await lab.pass(minute, await lab.part({ schedules }));

    assert.deepEqual(
      plain.slots.map(({ reason }) => reason),
      ['has_run'],
    );
    const own = 'hourly/2026-07-06T01:00:00.000Z';
    const keys = (await lab.runs()).map(({ key }) => key);
    assert.deepEqual(
      keys.filter((key) => key.startsWith(own)),
      [own, `${own}/${id}`],
    );
  });

  it('of years ago are shown as long as any', async () => {
    verifies('R2.backfill');
    const part = await lab.part({ schedules });
    const { backfills } = lab.desk({ schedules });
    const span = { from: Date.parse('2024-01-01T00:00Z'), to: Date.parse('2024-01-01T02:00Z') };
    const { id } = await backfills.create(registered(), ask(span));
    await lab.pass(minute, part);
    await lab.end('succeeded');
    await lab.pass(minute, part);

    await lab.pass(25 * hour, part);

    const { state, slots } = await backfills.show(lab.tenantId, id as string);
    assert.deepEqual(
      [state, ...slots.map(({ outcome }) => outcome)],
      ['ended', 'succeeded', 'succeeded'],
    );
  });

  for (const order of ['forwards', 'backwards'] as const)
    it(`run ${order}, at most so many at once, across a restart, each once`, async () => {
      verifies('R2.backfill');
      lab.now = Date.parse('2026-07-06T12:00Z');
      const desk = lab.desk({ schedules });
      const { backfills } = desk;
      const asked = ask({ order });
      const { id } = await backfills.create(registered(), asked);
      assert.equal((await backfills.create(registered(), asked)).id, id);
      const seen: string[] = [];
      for (let restarts = 0; restarts < 4; restarts += 1) {
        const parts = await Promise.all([lab.part({ schedules }), lab.part({ schedules })]);
        await Promise.all(parts.map((part) => part.look()));
        const { rows } = await lab.pool.query<{ key: string }>(
          'SELECT key FROM tutti.run WHERE tenant_id = $1 AND ended_at IS NULL ORDER BY key',
          [lab.tenantId],
        );
        assert.ok(rows.length <= 2);
        seen.push(rows.map(({ key }) => key.slice(18, 20)).join(' '));
        await Promise.all(parts.map((part) => part.close()));
        await lab.end();
      }

      const batches =
        order === 'forwards' ? ['00 01', '02 03', '04', ''] : ['03 04', '01 02', '00', ''];
      assert.deepEqual(seen, batches);
      const view = await backfills.show(lab.tenantId, id as string);
      assert.equal(view.state, 'ended');
      assert.ok(view.slots.every(({ outcome }) => outcome === 'succeeded'));
      const [run] = await lab.runs();
      assert.deepEqual([run?.actor, run?.business_date], [actor, '2026-07-06']);
      // What has run by a backfill has run.
      const again = await backfills.plan(registered(), ask());
      assert.ok(again.slots.every(({ reason }) => reason === 'has_run'));
    });

  it('runs a slot again under a key of its own, and leaves the clock alone', async () => {
    verifies('R2.backfill');
    await history();
    await lab.end();
    const { backfills } = lab.desk({ schedules });
    const { id } = await backfills.create(
      registered(),
      ask({ reprocess: 'failed', maxActiveRuns: 9 }),
    );
    const part = await lab.part({ schedules });
    const keys = (await lab.runs()).map(({ key }) => key.slice('hourly/2026-07-06T'.length));
    assert.deepEqual(keys, [
      ...['00:00:00.000Z', '01:00:00.000Z', '02:00:00.000Z', `02:00:00.000Z/${id}`],
      ...['03:00:00.000Z', '04:00:00.000Z', '12:00:00.000Z'],
    ]);

    await lab.pass(hour, part);

    // Its runs go on, and hold nothing up: the one of 12:00 does.
    assert.equal((await lab.slots()).at(-1), '13:00 overlap');
  });

  it('leaves out excluded days and locked periods, and what is to come is refused', async () => {
    lab.now = Date.parse('2026-07-07T12:00Z');
    lab.locked = new Set(['2026-07-06']);
    const { backfills } = lab.desk({ schedules });
    const span = { from: Date.parse('2026-07-05T23:00Z'), to: Date.parse('2026-07-06T01:00Z') };
    const { slots } = await backfills.plan(registered(), ask(span));
    assert.deepEqual(
      slots.map(({ reason }) => reason),
      ['excluded_date', 'period_locked'],
    );

    const wrong = [
      [{ to: Date.parse('2026-07-08T00:00Z') }, /future/],
      [{ to: Date.parse('2026-07-06T00:00Z') }, /ends before it begins/],
      [{ from: Date.parse('2026-01-01T00:00Z') }, /more than 1000 slots/],
    ] as const;
    for (const [more, message] of wrong)
      await assert.rejects(backfills.create(registered(), ask(more)), {
        code: 'INPUT_INVALID',
        message,
      });
  });

  it('starts nothing more once it is cancelled', async () => {
    lab.now = Date.parse('2026-07-06T12:00Z');
    const { backfills } = lab.desk({ schedules });
    const { id } = await backfills.create(registered(), ask());
    const part = await lab.part({ schedules });
    await backfills.cancel(lab.tenantId, id as string, actor);
    await lab.end();
    await part.look();

    const { state, slots } = await backfills.show(lab.tenantId, id as string);
    assert.equal(state, 'cancelled');
    const told = slots.map(({ reason, outcome }) => reason ?? outcome);
    assert.deepEqual(told, ['succeeded', 'succeeded', 'cancelled', 'cancelled', 'cancelled']);
    const { rows } = await lab.pool.query(
      `SELECT action FROM tutti.audit WHERE tenant_id = $1 AND action LIKE 'backfill.%' ORDER BY seq`,
      [lab.tenantId],
    );
    assert.deepEqual(rows, [{ action: 'backfill.create' }, { action: 'backfill.cancel' }]);
  });

  it('starts nothing more once it is cancelled, neither what an outage has held up', async () => {
    verifies('R2.backfill');
    lab.now = Date.parse('2026-07-06T12:00Z');
    const { backfills } = lab.desk({ schedules });
    const { id } = await backfills.create(registered(), ask());
    const away = new EngineError('DB_UNAVAILABLE', 'The database is away.');
    const part = await lab.part({ schedules, start: async () => Promise.reject(away) });
    lab.errors.splice(0);
    await part.close();

    await backfills.cancel(lab.tenantId, id as string, actor);
    await lab.part({ schedules });

    const { slots } = await backfills.show(lab.tenantId, id as string);
    assert.deepEqual([...new Set(slots.map(({ reason }) => reason))], ['cancelled']);
    assert.deepEqual(await lab.runs(), []);
  });

  it('keeps the run that was being stored when it was cancelled', async () => {
    lab.now = Date.parse('2026-07-06T12:00Z');
    const { backfills } = lab.desk({ schedules });
    const { id } = await backfills.create(registered(), ask({ maxActiveRuns: 1 }));
    const { runs } = lab.parts({ schedules });
    const part = await lab.part({
      schedules,
      start: async (request) => {
        const started = await runs.start(request);
        await backfills.cancel(lab.tenantId, id as string, actor);
        return started;
      },
    });
    await lab.end();
    await part.look();

    const { slots } = await backfills.show(lab.tenantId, id as string);
    const told = slots.map(({ reason, outcome, runId }) => [reason ?? outcome, runId !== null]);
    assert.deepEqual(told, [['succeeded', true], ...Array(4).fill(['cancelled', false])]);
  });

  it('is triggered once for a key, as who asks, by the overlap that they ask for', async () => {
    verifies('R2.schedule-policies');
    const desk = lab.desk({ schedules });
    const trigger = (key: string, more = {}) =>
      desk.trigger(lab.tenantId, 'hourly', { actor, key, ...more });
    const first = await trigger('a', { businessDate: '2026-06-30' });
    lab.now += 1;
    const again = await trigger('a');
    await assert.rejects(trigger('a', { overlap: 'allow' }), { code: 'KEY_REUSED' });
    assert.deepEqual(await trigger('a', { overlap: 'skip' }), first);
    const [skipped, beside, waits] = [
      await trigger('b'),
      await trigger('c', { overlap: 'allow' }),
      await trigger('d', { overlap: 'queue' }),
    ];

    assert.deepEqual(again, first);
    assert.deepEqual(
      [first.state, skipped.reason, beside.state, waits.state],
      ['fired', 'overlap', 'fired', 'queued'],
    );
    const [run, other] = await lab.runs();
    assert.deepEqual(
      [run?.key, run?.business_date, run?.actor],
      ['hourly/trigger/a', '2026-06-30', actor],
    );
    assert.equal(run?.input.slot?.period, '2026-06');
    assert.equal(other?.business_date, '2026-07-06');

    await lab.end();
    const part = await lab.part({ schedules });
    await part.look();
    assert.equal((await lab.runs()).length, 3);
    await assert.rejects(desk.trigger(lab.tenantId, 'daily', { actor, key: 'x' }), {
      ...{ code: 'SCHEDULE_UNKNOWN', message: /'daily'; see: tutti schedule list/ },
    });
  });
});
