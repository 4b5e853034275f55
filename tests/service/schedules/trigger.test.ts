import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { hour, hourly, labOfEach, minute, type ScheduleLab } from './lab.ts';

const actor = { kind: 'person', id: 'anna' } as const;

describe('a trigger', () => {
  let lab: ScheduleLab;
  labOfEach((own) => {
    lab = own;
  });

  it('pauses its schedule where it is the first to see that a run has failed', async () => {
    verifies('R2.schedule-policies');
    const schedules = [hourly({ pauseOnFailure: true })];
    const desk = lab.desk({ schedules });
    const part = await lab.part({ schedules });
    await lab.pass(31 * minute, part);
    await lab.end('failed');

    const { state } = await desk.trigger(lab.tenantId, 'hourly', { actor, key: 'again' });
    await lab.end();
    await lab.pass(hour, part);

    assert.equal(state, 'fired');
    assert.deepEqual(await lab.slots(), ['01:00 failed', '02:00 paused']);
    const { paused } = await desk.show(lab.tenantId, 'hourly');
    assert.match(paused?.reason ?? '', /^run .{36} failed$/);
    const { rows } = await lab.pool.query(
      `SELECT action FROM tutti.audit WHERE tenant_id = $1 AND action LIKE 'schedule.%' ORDER BY seq`,
      [lab.tenantId],
    );
    assert.deepEqual(rows, [{ action: 'schedule.pause' }, { action: 'schedule.trigger' }]);
  });

  for (const overlap of ['queue', 'cancel_running'] as const)
    it(`overlap ${overlap}: starts after its wait although the schedule is paused, and nothing of the clock does`, async () => {
      verifies('R2.schedule-policies');
      const schedules = [hourly({ overlap })];
      const desk = lab.desk({ schedules });
      const part = await lab.part({ schedules });
      await lab.pass(31 * minute, part);
      if (overlap === 'queue') await lab.pass(hour, part);
      await desk.pause(lab.tenantId, 'hourly', { actor, reason: 'stocktaking' });
      const asked = await desk.trigger(lab.tenantId, 'hourly', { actor, key: 'now' });
      await lab.pass(minute, part);
      await lab.end('cancelled');
      await lab.pass(minute, part);

      const [slot] = await desk.slots(lab.tenantId, 'hourly', { limit: 1 });
      assert.deepEqual([asked.state, slot?.id, slot?.state], ['queued', asked.id, 'fired']);
      const byClock = overlap === 'queue' ? ['02:00 queued'] : [];
      assert.deepEqual(await lab.slots(), ['01:00 cancelled', ...byClock]);
    });

  it('waits for the end of what goes on where it asks to, and cancels nothing', async () => {
    const schedules = [hourly({ overlap: 'cancel_running' })];
    const desk = lab.desk({ schedules });
    const part = await lab.part({ schedules });
    await lab.pass(31 * minute, part);
    const ask = { actor, key: 'after it', overlap: 'queue' } as const;
    await desk.trigger(lab.tenantId, 'hourly', ask);
    await lab.pass(minute, part);

    assert.deepEqual(lab.cancelled, []);
    await lab.end();
    await lab.pass(minute, part);
    assert.equal((await desk.trigger(lab.tenantId, 'hourly', ask)).state, 'fired');
  });
});
