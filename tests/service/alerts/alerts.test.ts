import assert from 'node:assert/strict';
import type pg from 'pg';
import { defineSchedule, type Schedule } from 'tutti';
import { EngineError } from '../../../core/base/errors.ts';
import { newId } from '../../../core/base/ids.ts';
import type { AlertRule, AlertsConfig } from '../../../core/ports/service-config.ts';
import { Alerts, type WatchedTenant } from '../../../core/service/alerts/alerts.ts';
import { standingOf } from '../../../core/service/alerts/standing.ts';
import { Tenants } from '../../../core/service/identity/tenants.ts';
import { post } from '../../../core/service/messages/outbox.ts';
import { MessageSender } from '../../../core/service/messages/sender.ts';
import { calendars } from '../../../modules/calendars.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { registeredOf, storeNight } from '../../support/night-lab.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { openPublicServer } from '../../support/public-server.ts';
import { verifies } from '../../support/verifies.ts';

const minute = 60_000;
const hour = 60 * minute;
const corp = { id: 1, slug: 'corp', suspendedAt: null };
const plan = (schedules: readonly Schedule[] = []) => {
  return { registry: { schedules: registeredOf(schedules), calendars } };
};

describe('alerts', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });
  afterEach(async () => {
    for (const table of [
      'run',
      'step',
      'finding',
      'alert',
      'message',
      'service_turn',
      'budget',
      'delivery',
      'webhook',
      'approval',
    ])
      await pool.query(`DELETE FROM tutti.${table}`);
  });
  after(function () {
    return fresh.drop(this);
  });

  const errors: unknown[] = [];
  const engine = (
    clock: FakeClock,
    rules: readonly AlertRule[],
    {
      trouble = null,
      host = 'one',
      tenants = [corp],
      own = {},
    }: {
      readonly trouble?: EngineError | null;
      readonly host?: string;
      readonly tenants?: readonly WatchedTenant[];
      readonly own?: AlertsConfig['tenants'];
    } = {},
  ) =>
    new Alerts({
      ...plan(),
      ...{ pool, clock, tenantId: 1, host, trouble: () => trouble },
      config: { rules, to: ['anna@corp.example'], tenants: own },
      tenants: async () => tenants,
      onError: (error) => errors.push(error),
    });

  /** An engine that is restarted looks once. */
  const look = async (alerts: Alerts): Promise<void> => {
    await alerts.start();
    await alerts.close();
    assert.deepEqual(errors, []);
  };

  const subjects = async (): Promise<readonly string[]> => {
    const { rows } = await pool.query<{ subject: string }>(
      'SELECT subject FROM tutti.message ORDER BY id',
    );
    return rows.map(({ subject }) => subject);
  };

  it('are told on the edge, reminded of after a while, and told to be over; a restart repeats nothing', async () => {
    verifies('R11.alerts');
    const clock = new FakeClock(Date.now());
    const rules = [{ kind: 'run_failed' }] as const;
    await look(engine(clock, rules));
    assert.deepEqual(await subjects(), []);
    await storeNight(pool, { status: 'failed', at: new Date(clock.now() - hour) });

    for (let turn = 0; turn < 3; turn += 1) {
      clock.pass(minute);
      await look(engine(clock, rules));
    }
    assert.deepEqual(await subjects(), ['Tutti: alert, run failed nightly']);

    clock.pass(4 * hour);
    await look(engine(clock, rules));
    clock.pass(minute);
    await look(engine(clock, rules));
    assert.deepEqual((await subjects()).slice(1), ['Tutti: still, run failed nightly']);

    await storeNight(pool, { at: new Date(clock.now() - 10 * minute) });
    for (let turn = 0; turn < 2; turn += 1) {
      clock.pass(minute);
      await look(engine(clock, rules));
    }
    assert.deepEqual((await subjects()).slice(2), ['Tutti: over, run failed nightly']);

    await storeNight(pool, { status: 'failed', at: new Date(clock.now() - 5 * minute) });
    clock.pass(minute);
    await look(engine(clock, rules));
    assert.deepEqual((await subjects()).slice(3), ['Tutti: alert, run failed nightly']);
  });

  it('are told once by several engines that look at once', async () => {
    const clock = new FakeClock(Date.now());
    await storeNight(pool, { status: 'failed' });
    const rules = [{ kind: 'run_failed' }, { kind: 'not_ready' }] as const;
    const trouble = new EngineError('DB_UNAVAILABLE', 'away');
    const engines = ['one', 'two', 'three'].map((host) => engine(clock, rules, { trouble, host }));

    await Promise.all(engines.map((each) => look(each)));
    assert.deepEqual([...(await subjects())].sort(), [
      'Tutti: alert, not ready one',
      'Tutti: alert, not ready three',
      'Tutti: alert, not ready two',
      'Tutti: alert, run failed nightly',
    ]);

    clock.pass(minute);
    await look(engine(clock, rules, { host: 'two' }));
    assert.deepEqual((await subjects()).slice(4), ['Tutti: over, not ready two']);
  });

  /** Whom each message goes to, what it says, and whose it is. */
  const told = async (): Promise<readonly string[]> => {
    const { rows } = await pool.query<{ line: string }>(
      `SELECT tenant_id || ' ' || array_to_string(recipients, ',') || ': ' || subject AS line FROM tutti.message ORDER BY id`,
    );
    return rows.map(({ line }) => line).toSorted();
  };

  it('speak for every tenant that is not suspended, by its own thresholds and to its own people', async () => {
    verifies('R11.alerts');
    const clock = new FakeClock(Date.now());
    const now = new Date(clock.now());
    const tenants = [
      corp,
      { id: 2, slug: 'two', suspendedAt: null },
      { id: 3, slug: 'three', suspendedAt: now },
      { id: 4, slug: 'four', suspendedAt: null },
    ];
    for (const tenantId of [1, 2, 3, 4])
      for (const workflow of ['nightly', 'weekly'])
        await storeNight(pool, { tenantId, workflow, status: 'failed', at: now });
    const own = {
      two: { to: ['ben@two.example'] },
      four: { rules: [{ kind: 'run_failed', workflow: 'weekly' }] },
    } as const;
    const trouble = new EngineError('DB_UNAVAILABLE', 'away');
    const rules = [{ kind: 'run_failed', workflow: 'nightly' }, { kind: 'not_ready' }] as const;
    const options = { tenants, own, trouble };

    await Promise.all([1, 2, 3].map(() => look(engine(clock, rules, options))));
    clock.pass(minute);
    await look(engine(clock, rules, options));

    const first = [
      '1 anna@corp.example: Tutti: alert, not ready one',
      '1 anna@corp.example: Tutti: alert, run failed nightly (corp)',
      '2 ben@two.example: Tutti: alert, run failed nightly (two)',
      '4 anna@corp.example: Tutti: alert, run failed weekly (four)',
    ];
    assert.deepEqual(await told(), first);

    clock.pass(minute);
    const resumed = tenants.map((each) => ({ ...each, suspendedAt: null }));
    await look(engine(clock, rules, { ...options, tenants: resumed }));
    assert.deepEqual(
      (await told()).filter((line) => !first.includes(line)),
      ['3 anna@corp.example: Tutti: alert, run failed nightly (three)'],
    );
  });

  it('of one tenant are told although those of another cannot be looked at', async () => {
    const clock = new FakeClock(Date.now());
    const rules = [{ kind: 'night_late', by: '06:00' }] as const;
    const broken = { rules: [{ kind: 'night_late', by: '06:00', timeZone: 'No/Where' }] } as const;
    await storeNight(pool, { tenantId: 2, at: new Date(clock.now() - 72 * hour) });
    const two = { id: 2, slug: 'two', suspendedAt: null };
    const alerts = engine(clock, rules, { tenants: [corp, two], own: { corp: broken } });

    await alerts.start();
    await alerts.close();

    assert.equal(errors.splice(0).length, 1);
    assert.deepEqual(await subjects(), ['Tutti: alert, night late nightly (two)']);
  });

  it('know every threshold', async () => {
    verifies('R12.unusual');
    const now = new Date();
    const runId = await storeNight(pool, {
      at: new Date(now.getTime() - 10 * minute),
      failed: ['a.a', 'a.b', 'a.c'],
      findings: [{ mark: 'x' }],
      durationMs: null,
      status: 'running',
    });
    for (let seq = 1; seq <= 5; seq += 1)
      await pool.query(
        `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data) VALUES (1, $1, $2, 1, 'tool.called', '{"outcome":"refused"}')`,
        [runId, seq],
      );
    const today = now.toISOString().slice(0, 10);
    await pool.query(
      `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd, reserved_micro_usd, settled_micro_usd) VALUES (1, 'module:hr', $1, 100, 10, 80), (1, 'tenant', $1, 100, 0, 10)`,
      [today],
    );
    await pool.query(
      `INSERT INTO tutti.approval (tenant_id, id, digest, tier, required, state, requested_by, expires_at, title, shown, deciders, path, asked_at)
       VALUES (1, $1, '\\x01', 'node', 1, 'open', '{}', $2, '', '{}', '{}', '', $3)`,
      [newId(), new Date(now.getTime() + hour), new Date(now.getTime() - 30 * hour)],
    );
    const webhook = newId();
    await pool.query(
      `INSERT INTO tutti.webhook (tenant_id, id, url, created_by, disabled_at, disabled_by) VALUES (1, $1, '', '{}', now(), 'gone')`,
      [webhook],
    );
    await pool.query(
      `INSERT INTO tutti.delivery (tenant_id, id, endpoint_id, type, body, state, ended_at) VALUES (1, $1, $1, 'ping', '', 'failed', now())`,
      [webhook],
    );
    const hm = (shift: number) => new Date(now.getTime() + shift).toISOString().slice(11, 16);
    const standing = async (rule: AlertRule) =>
      (await standingOf(rule, { pool, tenantId: 1, now, ...plan() })).map(({ subject }) => subject);

    assert.deepEqual(await standing({ kind: 'failure_rate', share: 0.7, atLeast: 4 }), ['']);
    assert.deepEqual(await standing({ kind: 'failure_rate', share: 0.8, atLeast: 4 }), []);
    assert.deepEqual(
      await standing({ kind: 'failure_rate', share: 0.1 }),
      [],
      'four steps say nothing',
    );
    assert.deepEqual(await standing({ kind: 'budget_used' }), ['module:hr']);
    assert.deepEqual(await standing({ kind: 'budget_used', scope: 'tenant' }), []);
    assert.deepEqual(await standing({ kind: 'dead_letters' }), ['']);
    assert.deepEqual(await standing({ kind: 'dead_letters', atLeast: 2 }), []);
    assert.deepEqual(await standing({ kind: 'webhook_disabled' }), [webhook]);
    assert.deepEqual(await standing({ kind: 'approvals_waiting' }), ['']);
    assert.deepEqual(await standing({ kind: 'approvals_waiting', hours: 31 }), []);
    assert.deepEqual(
      await standing({ kind: 'night_late', by: hm(-minute) }),
      ['nightly'],
      'it runs',
    );
    assert.deepEqual(
      await standing({ kind: 'night_late', by: hm(-minute), workflow: 'other' }),
      [],
      'there never was one, and no schedule has it begin',
    );
    assert.deepEqual(await standing({ kind: 'agent_refused', atLeast: 5 }), ['a.a']);
    assert.deepEqual(await standing({ kind: 'agent_refused', atLeast: 6 }), []);
    const earlier = new Date(now.getTime() - 48 * hour);
    await storeNight(pool, { workflow: 'other', at: earlier });
    assert.deepEqual(
      await standing({ kind: 'night_late', by: hm(-minute), workflow: 'other' }),
      ['other'],
      'it has begun before, and not tonight',
    );
    await pool.query(`UPDATE tutti.run SET status = 'succeeded', ended_at = now()`);
    assert.deepEqual(await standing({ kind: 'night_late', by: hm(-minute) }), []);
  });

  it('know a night that goes on past its time, whatever else has ended since the night before', async () => {
    const now = new Date(Date.UTC(2026, 6, 11, 7, 0));
    const rule = { kind: 'night_late', by: '06:00' } as const;
    const at = (hours: number) => new Date(now.getTime() - hours * hour);
    const standing = async () => await standingOf(rule, { pool, tenantId: 1, now, ...plan() });
    await storeNight(pool, { at: at(20) });
    const runId = await storeNight(pool, { at: at(9), status: 'running', durationMs: null });

    const detail = { state: 'running', by: '06:00', timeZone: 'UTC', runId };
    assert.deepEqual(await standing(), [{ subject: 'nightly', detail }]);

    await pool.query(`UPDATE tutti.run SET status = 'succeeded', ended_at = $1 WHERE id = $2`, [
      ...[now, runId],
    ]);
    await storeNight(pool, { at: at(0.5), status: 'running', durationMs: null });
    assert.deepEqual(await standing(), [], 'what began after the time is the next one');
  });

  it('miss no night on a day that its schedules leave out', async () => {
    const when = { cron: '0 22 * * *', timeZone: 'UTC' };
    const nights = defineSchedule({ name: 'n', workflow: 'nightly', when, exclude: ['weekends'] });
    const rule = { kind: 'night_late', by: '06:00' } as const;
    await storeNight(pool, { at: new Date(Date.UTC(2026, 6, 1)) });
    const states = [];
    // From Saturday to Tuesday.
    for (const day of [11, 12, 13, 14]) {
      const now = new Date(Date.UTC(2026, 6, day, 7, 0));
      const standing = await standingOf(rule, { pool, tenantId: 1, now, ...plan([nights]) });
      states.push(standing.map(({ detail }) => detail.state).join());
    }

    assert.deepEqual(states, ['not begun', '', '', 'not begun']);
  });

  it('reach a channel of Slack', async () => {
    await using server = await openPublicServer(() => ({ status: 200 }));
    const clock = new FakeClock(Date.now());
    await storeNight(pool, { status: 'failed' });
    const alerts = new Alerts({
      ...plan(),
      ...{ pool, clock, tenantId: 1, host: 'one', trouble: () => null },
      tenants: async () => [corp],
      config: { rules: [{ kind: 'run_failed' }], slack: ['operations'] },
      onError: (error) => errors.push(error),
    });
    const env = { SLACK_OPERATIONS: 'https://hooks.slack.com/services/T/B/x' };
    const slack = { operations: 'SLACK_OPERATIONS' };
    const sender = new MessageSender({
      pool,
      clock,
      env,
      slack,
      seams: server.seams,
      onError: (error) => errors.push(error),
    });

    await look(alerts);
    await sender.sendDue();
    await sender.sendDue();

    assert.equal(server.requests.length, 1);
    assert.match(
      server.requests[0]?.body ?? '',
      /alert, run failed nightly\\nThe newest run of nightly has failed: /,
    );
  });

  it('of a tenant that is suspended leave when it is resumed', async () => {
    verifies('R12.tenancy');
    await using server = await openPublicServer(() => ({ status: 200 }));
    const clock = new FakeClock(Date.now());
    const { rows } = await pool.query<{ id: number }>(
      "INSERT INTO tutti.tenant (slug) VALUES ('resting'), ('working') RETURNING id",
    );
    for (const { id: tenantId } of rows) {
      const news = {
        tenantId,
        event: 'a night',
        subject: `News of ${tenantId}`,
        text: 'It ended.',
      };
      const recipients = { slack: ['operations'] };
      await post(pool, news, { recipients, now: new Date(clock.now()) });
    }
    const tenants = new Tenants(pool, clock);
    const actor = { kind: 'person', id: 'tester' } as const;
    const sender = new MessageSender({
      ...{ pool, clock, seams: server.seams, onError: (error) => errors.push(error) },
      env: { SLACK_OPERATIONS: 'https://hooks.slack.com/services/T/B/x' },
      slack: { operations: 'SLACK_OPERATIONS' },
    });
    const sent = () => server.requests.map(({ body }) => /News of (\d+)/.exec(body)?.[1]);
    const [resting, working] = rows.map(({ id }) => String(id));

    await tenants.suspend('resting', actor);
    await sender.sendDue();
    assert.deepEqual(sent(), [working]);
    await tenants.resume('resting', actor);
    await sender.sendDue();

    assert.deepEqual([sent(), errors], [[working, resting], []]);
  });
});
