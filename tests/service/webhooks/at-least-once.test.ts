import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { delaysMs } from '../../../core/service/webhooks/retry.ts';
import { verifies } from '../../support/verifies.ts';
import { WebhookLab } from '../../support/webhook-lab.ts';
import {
  openWebhookReceiver,
  type Reply,
  type WebhookReceiver,
} from '../../support/webhook-receiver.ts';

/** What may go wrong with one try. */
const faults: readonly Reply[] = [
  500,
  { status: 503, headers: { 'retry-after': '60' } },
  { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
  400,
  (response) => void response.destroy(),
];

/** The worst that a message meets here: four faults, and as many engines that die with it in their hands. */
const longestMs = delaysMs.slice(0, 9).reduce((sum, delay) => sum + delay, 0) + 10 * 60_000;

const hour = 3_600_000;

describe('webhooks out, over failures and restarts', function () {
  this.timeout(300_000);
  let lab: WebhookLab;

  before(async () => {
    lab = await WebhookLab.open();
  });
  afterEach(() => lab.stop());
  after(function () {
    return lab.fresh.drop(this);
  });

  it('goes on telling when a clock is set back', async () => {
    verifies('R9.webhooks-out');
    await using receiver = await openWebhookReceiver();
    await lab.add(receiver);
    lab.clock.set(2 * hour);
    await lab.start([receiver]);
    await lab.settled();
    lab.clock.set(-hour);

    await lab.run('nightly', 'DE01');
    await lab.told(receiver);

    lab.clock.set(-hour);
    assert.equal(receiver.received.length, 1);
    assert.deepEqual(lab.errors, []);
  });

  it('delivers every event at least once, under one id, in bounded time, and nothing after it was taken', async () => {
    verifies('R9.webhooks-out');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat({ max: faults.length - 1 }), { maxLength: 4 }), {
          minLength: 3,
          maxLength: 12,
        }),
        fc.array(fc.record({ at: fc.nat({ max: 15 }), part: fc.nat({ max: 1 }) }), {
          maxLength: 5,
        }),
        async (plans, deaths) => {
          try {
            await check(lab, plans, deaths);
          } finally {
            await lab.stop();
          }
        },
      ),
      { numRuns: 12 },
    );
  });
});

interface Death {
  /** Which message of all is on its way: its answer comes to a dead engine, if that one sent it. */
  readonly at: number;
  readonly part: number;
}

/** An engine whose way to the database can be cut at any moment, as its death does. */
interface Mortal {
  kill(): void;
  isDead(): boolean;
}

async function check(
  lab: WebhookLab,
  plans: readonly (readonly number[])[],
  deaths: readonly Death[],
): Promise<void> {
  const triesOf = new Map<string, number>();
  const planOf = new Map<string, readonly number[]>();
  const engines: Mortal[] = [];
  await using receiver = await openWebhookReceiver(({ id }, before) => {
    for (const { part } of deaths.filter(({ at }) => at === before.length)) engines[part]?.kill();
    const plan = planOf.get(id) ?? plans[planOf.size] ?? [];
    planOf.set(id, plan);
    const tries = triesOf.get(id) ?? 0;
    triesOf.set(id, tries + 1);
    const fault = plan[tries];
    return fault === undefined ? 204 : (faults[fault] as Reply);
  });
  await lab.add(receiver, { concurrency: 4 });
  const began = lab.clock.now();
  for (let part = 0; part < 2; part += 1) engines.push(await born(lab, receiver));
  for (const _ of plans) await lab.run();
  for (let turn = 0; turn < 80 && !(await isDone(lab, plans.length)); turn += 1) {
    await lab.pass(await untilNext(lab));
    for (const [part, { isDead }] of engines.entries())
      if (isDead()) engines[part] = await born(lab, receiver);
  }

  const { rows } = await lab.pool.query<Ended>(endedSql);
  assert.equal(rows.length, plans.length, 'every event made one delivery');
  assert.deepEqual(new Set(rows.map(({ state }) => state)), new Set(['delivered']));
  assert.ok(lab.clock.now() - began <= longestMs, `${lab.clock.now() - began}`);
  for (const { id, attempt, lost } of rows) {
    const tries = receiver.received.filter((message) => message.id === id).length;
    const planned = (planOf.get(id) ?? []).length + 1;
    assert.ok(tries >= planned && tries <= attempt, 'each attempt was made once at most');
    assert.ok(tries <= planned + lost, 'nothing came after it was taken, but for what died untold');
  }
  assert.ok(receiver.received.every(({ signedBy }) => signedBy[0]));
}

interface Ended {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  /** Attempts whose engine died before it could say what came of them. */
  readonly lost: number;
}

const endedSql = `SELECT 'msg_' || replace(d.id::text, '-', '') AS id, d.state, d.attempt::int AS attempt,
  (SELECT count(*)::int FROM tutti.delivery_attempt a WHERE a.delivery_id = d.id AND a.duration_ms IS NULL) AS lost FROM tutti.delivery d`;

async function born(lab: WebhookLab, receiver: WebhookReceiver): Promise<Mortal> {
  let isDead = false;
  const died = (): Promise<never> => Promise.reject(new Error('dead'));
  const { pool } = lab;
  const mortal = {
    query: (...args: Parameters<pg.Pool['query']>) => (isDead ? died() : pool.query(...args)),
    connect: () => (isDead ? died() : pool.connect()),
  } as unknown as pg.Pool;
  await lab.start([receiver], mortal);
  return {
    isDead: () => isDead,
    kill: () => {
      isDead = true;
    },
  };
}

async function isDone({ pool }: WebhookLab, count: number): Promise<boolean> {
  const { rows } = await pool.query<{ done: number }>(
    `SELECT count(*)::int AS done FROM tutti.delivery WHERE state = 'delivered'`,
  );
  return rows[0]?.done === count;
}

/** How long until the next attempt is due, or a claim of the dead lapses, which others may wait for; a second where there is neither. */
async function untilNext({ pool, clock }: WebhookLab): Promise<number> {
  const { rows } = await pool.query<{ next: Date | null }>(
    `SELECT min(at) AS next FROM tutti.delivery, unnest(ARRAY[next_at, claimed_until]) AS at WHERE state = 'pending' AND at > $1`,
    [new Date(clock.now())],
  );
  const next = rows[0]?.next;
  return Math.max(1_000, next ? next.getTime() - clock.now() : 0);
}
