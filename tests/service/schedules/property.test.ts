import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Schedules } from '../../../core/service/schedules/schedules.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { hourly, minute, ScheduleLab } from './lab.ts';

const step = 5 * minute;
const steps = 60;

/** A schedule, how long its runs take, and when somebody looks. */
interface Life {
  readonly every: number;
  readonly overlap: 'skip' | 'queue' | 'cancel_running' | 'allow';
  readonly which: 'all' | 'last' | 'none';
  readonly windowSteps: number;
  readonly runSteps: number;
  /** For so many steps nobody looks, then for so many somebody does, and so on. */
  readonly spans: readonly { readonly down: number; readonly up: number }[];
}

const lives: fc.Arbitrary<Life> = fc.record({
  every: fc.constantFrom(10, 15, 20, 30),
  overlap: fc.constantFrom('skip', 'queue', 'cancel_running', 'allow'),
  which: fc.constantFrom('all', 'last', 'none'),
  windowSteps: fc.integer({ min: 1, max: 20 }),
  runSteps: fc.integer({ min: 1, max: 12 }),
  spans: fc.array(
    fc.record({ down: fc.integer({ min: 1, max: 16 }), up: fc.integer({ min: 1, max: 8 }) }),
    { minLength: 1, maxLength: 6 },
  ),
});

/** Whether somebody looks at a step. */
function isUp({ spans }: Life, at: number): boolean {
  let left = at;
  // Somebody is there in the beginning: a schedule begins when it is first known.
  if (left === 0) return true;
  for (const { down, up } of spans) {
    if (left < down) return false;
    if (left < down + up) return true;
    left -= down + up;
  }
  return true;
}

/** Which slots the policies say start, as steps; told in their own words, without a database. */
function started(life: Life): readonly number[] {
  const { overlap, which, windowSteps, runSteps } = life;
  const gap = life.every / 5;
  const starts: number[] = [];
  let running: number[] = [];
  let waiting: number[] = [];
  let looked = 0;
  const start = (slot: number, now: number): void => {
    starts.push(slot);
    running.push(now + runSteps);
  };
  for (let now = 1; now < steps; now += 1) {
    running = running.filter((end) => end > now);
    if (!isUp(life, now)) continue;
    let due = Array.from({ length: now - looked }, (_, index) => looked + 1 + index);
    looked = now;
    due = due.filter((slot) => slot % gap === 0);
    due = due.filter((slot) => slot === now || (which !== 'none' && now - slot <= windowSteps));
    const last = due.at(-1);
    if (which === 'last' || overlap === 'cancel_running') due = due.filter((slot) => slot === last);
    for (const slot of due) {
      const isFree = running.length + waiting.length === 0;
      if (isFree || overlap === 'allow') start(slot, now);
      else if (overlap === 'queue') waiting.push(slot);
      else if (overlap === 'cancel_running') {
        waiting = [slot];
        running = running.map(() => now + 1);
      }
    }
    if (running.length === 0 && waiting.length > 0) start(waiting.shift() as number, now);
  }
  return starts.sort((a, b) => a - b);
}

describe('schedules and downtimes of any kind', function () {
  this.timeout(300_000);
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  async function live(life: Life): Promise<readonly number[]> {
    const lab = await ScheduleLab.open(fresh);
    lab.now = Date.parse('2026-07-06T00:00:00Z');
    const begin = lab.now;
    const catchUp = { which: life.which, windowMs: life.windowSteps * step };
    const when = { cron: `*/${life.every} * * * *`, timeZone: 'UTC' };
    const schedules = [hourly({ when, overlap: life.overlap, catchUp })];
    const ends = new Map<string, number>();
    let part: Schedules | null = await lab.part({ schedules });
    for (let now = 1; now < steps; now += 1) {
      lab.now = begin + now * step;
      const over = [...ends].filter(([, end]) => end <= now).map(([id]) => id);
      await lab.pool.query(
        `UPDATE tutti.run SET status = 'succeeded', ended_at = now() WHERE tenant_id = $1 AND id = ANY ($2)`,
        [lab.tenantId, over],
      );
      for (const id of over) ends.delete(id);
      if (!isUp(life, now)) {
        await part?.close();
        part = null;
        continue;
      }
      if (part) await part.look();
      else part = await lab.part({ schedules });
      for (const { id } of await open(lab)) if (!ends.has(id)) ends.set(id, now + life.runSteps);
      for (const id of lab.cancelled.splice(0)) if (ends.has(id)) ends.set(id, now + 1);
    }
    const runs = (await lab.runs()).map(({ key }) => key.slice('hourly/'.length));
    await lab.rest();
    return runs.map((at) => (Date.parse(at) - begin) / step).sort((a, b) => a - b);
  }

  async function open(lab: ScheduleLab): Promise<readonly { readonly id: string }[]> {
    const { rows } = await lab.pool.query<{ id: string }>(
      'SELECT id FROM tutti.run WHERE tenant_id = $1 AND ended_at IS NULL',
      [lab.tenantId],
    );
    return rows;
  }

  it('start exactly the slots that their policies say', async () => {
    verifies('R2.schedule-policies');
    let fired = 0;
    await fc.assert(
      fc.asyncProperty(lives, async (life) => {
        const expected = started(life);
        assert.deepEqual(await live(life), expected);
        fired += expected.length;
      }),
      { numRuns: 30 },
    );
    assert.ok(fired > 100);
  });
});
