import assert from 'node:assert/strict';
import { scheduleDeskOf } from '../../../bin/parts/schedules-of.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import type { BackfillView } from '../../../core/service/schedules/backfills.ts';
import type { ScheduleView } from '../../../core/service/schedules/desk.ts';
import type { OccurrenceView } from '../../../core/service/schedules/preview.ts';
import type { SlotView } from '../../../core/service/schedules/slot.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/schedules.config.ts', import.meta.url);

describe('schedules, over HTTP', () => {
  let tutti: TestEngine;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(config);
    const { history, engine, host } = tutti;
    const tenantId = await host.store.tenant('ours');
    const schedules = scheduleDeskOf(host, engine);
    const parts = { history, engine, registry: host.registry, tenantId, schedules };
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(`${server.url}${path}`);
  const post = (path: string, body: unknown = {}, key = '') =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
      body: JSON.stringify(body),
    });

  it('are listed and shown, with what comes next', async () => {
    verifies('R2.schedule');
    const { items } = await json<{ items: readonly ScheduleView[] }>(await get('/v1/schedules'));
    assert.deepEqual(
      items.map(({ name, module, when, last }) => [name, module, when, last]),
      [
        ['chorus_daily', null, '30 2 * * * Europe/Berlin', null],
        ['chorus_close', null, 'PERIOD_CLOSE-2BD 12:00', null],
      ],
    );
    const shown = await json<ScheduleView>(await get('/v1/schedules/chorus_daily'));
    assert.deepEqual({ ...shown, nextAt: '' }, { ...items[0], nextAt: '' });
    await problem(await get('/v1/schedules/none'), 404, 'SCHEDULE_UNKNOWN');
  });

  it('say when they come due, and when any expression would', async () => {
    const after = 'after=2026-03-28T00:00:00Z&count=2';
    const own = await json<{ items: readonly OccurrenceView[] }>(
      await get(`/v1/schedules/chorus_daily/occurrences?${after}`),
    );
    const cron = encodeURIComponent('30 2 * * *');
    const any = await json<{ items: readonly OccurrenceView[] }>(
      await get(`/v1/occurrences?cron=${cron}&timeZone=Europe/Berlin&${after}`),
    );

    const expected = ['2026-03-28T02:30:00+01:00', '2026-03-29T03:00:00+02:00'];
    assert.deepEqual(
      own.items.map(({ local }) => local),
      expected,
    );
    assert.deepEqual(
      any.items.map(({ local }) => local),
      expected,
    );
    const wrong = await get('/v1/occurrences?cron=61&timeZone=Europe/Berlin');
    await problem(wrong, 400, 'INPUT_INVALID');
  });

  it('are paused, resumed and triggered, and tell of their slots', async () => {
    verifies('R2.schedule-policies');
    const path = '/v1/schedules/chorus_daily';
    const paused = await json<ScheduleView>(await post(`${path}/pause`, { reason: 'a freeze' }));
    assert.deepEqual([paused.paused?.reason, paused.paused?.by.id], ['a freeze', 'local']);
    const resumed = await json<ScheduleView>(await post(`${path}/resume`));
    assert.equal(resumed.paused, null);

    await problem(await post(`${path}/trigger`), 400, 'INPUT_INVALID');
    const triggered = await post(`${path}/trigger`, { businessDate: '2026-06-30' }, 'k1');
    assert.equal(triggered.status, 202);
    const slot = (await triggered.json()) as SlotView;
    assert.equal(triggered.headers.get('location'), `/v1/runs/${slot.runId}`);
    const again = (await (await post(`${path}/trigger`, {}, 'k1')).json()) as SlotView;
    assert.equal(again.id, slot.id);
    assert.equal(await tutti.engine.whenEnded(slot.runId as string), 'succeeded');
    const page = await json<{ items: readonly SlotView[]; next: string | null }>(
      await get(`${path}/slots?limit=1`),
    );
    assert.deepEqual(
      page.items.map(({ id, origin }) => [id, origin]),
      [[slot.id, 'trigger']],
    );
    assert.equal(page.next, null);
  });

  it('are triggered and backfilled once for a key, which is refused for something else', async () => {
    verifies('R10.idempotency');
    const path = '/v1/schedules/chorus_close';
    const span = { from: '2026-02-01', to: '2026-02-28' };
    const asked = [
      [`${path}/backfills`, span, { ...span, to: '2026-03-31' }],
      [`${path}/backfills`, span, { ...span, reprocess: 'failed' }],
      [`${path}/trigger`, { businessDate: '2026-02-01' }, { businessDate: '2026-02-02' }],
      [`${path}/trigger`, { overlap: 'queue' }, { overlap: 'allow' }],
    ] as const;
    for (const [at, [to, body, other]] of asked.entries()) {
      const key = `again ${at}`;
      const first = await json<{ id: string }>(await post(to, body, key));
      await problem(await post(to, other, key), 422, 'KEY_REUSED');
      assert.equal((await json<{ id: string }>(await post(to, body, key))).id, first.id);
      if (to.endsWith('backfills')) await post(`/v1/backfills/${first.id}/cancel`);
    }
  });

  it('are backfilled, after a dry run', async () => {
    verifies('R2.backfill');
    const path = '/v1/schedules/chorus_daily/backfills';
    const body = { from: '2026-03-28', to: '2026-03-30' };
    const dry = await post(path, { ...body, dryRun: true }, 'dry');
    assert.equal(dry.status, 200);
    const planned = (await dry.json()) as BackfillView;
    assert.deepEqual(
      planned.slots.map(({ businessDate, state }) => [businessDate, state]),
      ['2026-03-28', '2026-03-29', '2026-03-30'].map((day) => [day, 'queued']),
    );

    const made = await post(path, body, 'b1');
    const backfill = (await made.json()) as BackfillView;
    assert.deepEqual(
      [made.status, made.headers.get('location')],
      [202, `/v1/backfills/${backfill.id}`],
    );
    const cancelled = await json<BackfillView>(await post(`/v1/backfills/${backfill.id}/cancel`));
    const shown = await json<BackfillView>(await get(`/v1/backfills/${backfill.id}`));
    const { items } = await json<{ items: readonly BackfillView[] }>(await get(path));

    assert.deepEqual(shown, cancelled);
    assert.deepEqual(
      shown.slots.map(({ reason }) => reason),
      ['cancelled', 'cancelled', 'cancelled'],
    );
    assert.deepEqual(
      items.map(({ id, state }) => [id, state]),
      [[backfill.id, 'cancelled']],
    );
    await problem(await get('/v1/backfills/none'), 404, 'SCHEDULE_UNKNOWN');
  });
});
