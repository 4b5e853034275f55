import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestEngine } from '../support/engine.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';
import { itemsOf, lookTool, openWindowLab } from '../support/window-lab.ts';
import {
  type CallCounted,
  mostInAnyMinute,
  startWindowServer,
  type WindowServer,
} from '../support/window-server.ts';

const agents = 20;
const turns = 2;
const allowance = { requestsPerMinute: 600 };
const stormMs = 5_000;
/** Closures that a storm of this length sees: more than eight come once in three million storms (full jitter over 1, 2, 4, 8 s …). */
const openings = 8;

/** What refusals come with, by the profile whose agents meet them. */
const storms = {
  fast: { said: 'no Retry-After', headers: () => ({}) },
  standard: { said: 'Retry-After: 1e9', headers: () => ({ 'retry-after': '1e9' }) },
  deep: {
    said: 'an HTTP date',
    headers: () => ({ 'retry-after': new Date(Date.now() + 3_000).toUTCString() }),
  },
} as const;
type Profile = keyof typeof storms;
const profiles = Object.keys(storms) as readonly Profile[];

interface Course {
  readonly runId: string;
  readonly status: string;
  readonly calls: readonly CallCounted[];
  readonly endedAt: number;
}

describe('a provider that refuses everything for a while, real threads and SDK', function () {
  this.timeout(120_000);
  let tutti: TestEngine;
  let tenantId: number;
  const servers = new Map<Profile, WindowServer>();
  const courses = new Map<Profile, Course>();

  before(async () => {
    for (const profile of profiles)
      servers.set(profile, await startWindowServer({ allowance, turns, tool: lookTool }));
    const at = (profile: Profile) => [
      { model: profile, baseUrl: (servers.get(profile) as WindowServer).baseUrl('openai') },
    ];
    tutti = await openWindowLab({
      models: { fast: at('fast'), standard: at('standard'), deep: at('deep') },
      modelLimits: Object.fromEntries(profiles.map((profile) => [profile, allowance])),
    });
    tenantId = await tutti.host.store.tenant('storm');
    await Promise.all(profiles.map(weather));
  });
  after(async function () {
    await tutti.close(this);
    for (const server of servers.values()) await server.close();
  });

  async function weather(profile: Profile): Promise<void> {
    const server = servers.get(profile) as WindowServer;
    await server.feel({ status: 429, headers: storms[profile].headers() });
    const input = { items: itemsOf(profile, agents) };
    const running = tutti.run(`window.${profile}`, { tenantId, input });
    await wait(stormMs);
    const endedAt = await server.feel({});
    const { id: runId, status } = await running;
    courses.set(profile, { runId, status, endedAt, calls: await server.seen() });
  }

  for (const profile of profiles)
    describe(`with ${storms[profile].said}`, () => {
      const course = () => courses.get(profile) as Course;

      it('fails no step, and costs none a try', async () => {
        verifies('R6.backoff', 'R6.retry-after');
        const { runId, status } = course();

        const steps = await tutti.history.steps(tenantId, runId);
        assert.equal(status, 'succeeded');
        assert.deepEqual(
          steps.filter(({ kind, attempt }) => kind === 'task' && attempt !== 1),
          [],
        );
      });

      it('is asked by all who did not know yet, and then by one or two each time that its gate opens', () => {
        const { calls, endedAt } = course();
        const inStorm = calls.filter(({ at }) => at < endedAt);

        assert.ok(inStorm.length >= 1 && inStorm.length <= agents + 2 * openings, `${inStorm.length} calls`);
      });

      it('is met by no burst afterwards, and by no more calls than it allows', () => {
        const after = course().calls.filter(({ at }) => at >= course().endedAt);
        const perBucket = allowance.requestsPerMinute / 600;
        const largest = mostInAnyMinute(after, 100, () => 1);

        assert.ok(after.every(({ status }) => status === 200));
        assert.ok(largest <= 3 * perBucket, `${largest} in 100 ms`);
        assert.ok(mostInAnyMinute(after, 60_000, () => 1) <= allowance.requestsPerMinute);
      });

      it('is paid for what it has answered, and for nothing else', async () => {
        const { runId, calls } = course();
        const ledger = await queryAll<{ state: string; calls: number; isPaid: boolean }>(
          tutti.host.database,
          `SELECT state, count(*)::int AS calls, bool_or(cost_micro_usd > 0) AS "isPaid" FROM tutti.ledger WHERE run_id = $1 GROUP BY 1 ORDER BY 1`,
          [runId],
        );

        const refused = calls.filter(({ status }) => status === 429).length;
        assert.deepEqual(ledger, [
          { state: 'released', calls: refused, isPaid: false },
          { state: 'settled', calls: agents * turns, isPaid: true },
        ]);
      });
    });
});
