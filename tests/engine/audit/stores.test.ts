import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import { Delegations } from '../../../core/engine/approvals/delegations.ts';
import { AuditLog } from '../../../core/engine/audit/log.ts';
import { auditedPins } from '../../../core/engine/audit/mcp-pins.ts';
import { StopStore } from '../../../core/engine/authority/stop-store.ts';
import { applyRetention } from '../../../core/engine/retention/apply.ts';
import { eraseRun } from '../../../core/engine/retention/erase.ts';
import { placeHold, releaseHold } from '../../../core/engine/retention/hold.ts';
import { retentionPolicy } from '../../../core/engine/retention/policy.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { Reviews } from '../../../core/engine/store/reviews.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'anna' } as const;
const secret = 'Mr Miller asked for this';

describe('changes of people', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let log: AuditLog;
  let tenantId: number;
  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    log = new AuditLog(pool, { dataFolder: '/nonexistent', env: {} });
    tenantId = await new Store(pool).tenant('ours');
  });
  after(function () {
    return fresh.drop(this);
  });

  /** What a change appends to a chain, the first first. */
  async function added(work: () => Promise<unknown>, chain = tenantId): Promise<readonly string[]> {
    const before = (await log.list(chain, { limit: 1 }))[0]?.seq ?? 0;
    await work();
    const rows = await log.list(chain, { limit: 20 });
    for (const row of rows) assert.ok(!JSON.stringify(row).includes('Miller'), row.action);
    return rows
      .filter(({ seq }) => seq > before)
      .toReversed()
      .map((row) => `${row.actor.id} ${row.action} ${row.target} ${JSON.stringify(row.data)}`);
  }

  async function aRun(isEnded = true): Promise<string> {
    const id = newId();
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, ended_at)
       VALUES ($1, $2, 'lab', 1, '{}', 2, '2026-06-30', 'UTC', 'running', '{}', CASE WHEN $3 THEN now() END)`,
      [tenantId, id, isEnded],
    );
    await pool.query(
      `WITH e AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data) VALUES ($1, $2, 1, 0, 'run.created', '{}'))
       INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, sha256, size, body) VALUES ($1, $2, 1, 'input', 'json', '\\x00', 2, '{}')`,
      [tenantId, id],
    );
    return id;
  }

  it('leave one row of a vote, and none of the same vote again', async () => {
    verifies('R12.audit');
    const approvals = new Approvals(pool);
    const run = { tenantId, id: await aRun(false), actor } as unknown as RunFacts;
    const { id } = await approvals.ask(run, {
      ...{ step: 1, path: 'ask', title: 'Go on?', shown: {}, by: ['ben'], required: 1 },
      expiresMs: 60_000,
    });
    const say = {
      tenantId,
      id,
      decision: 'refused',
      person: 'ben',
      note: secret,
      via: 'api',
    } as const;

    assert.deepEqual(await added(() => approvals.decide(say)), [
      `ben approval.vote ${id} {"decision":"refused","via":"api"}`,
    ]);
    assert.deepEqual(await added(() => approvals.decide(say)), []);
  });

  it('leave one row of a right that is handed on, and of one that is taken back', async () => {
    const delegations = new Delegations(pool);
    const until = new Date(Date.now() + 60_000);
    const hand = { tenantId, from: 'anna', to: 'ben', actor };

    assert.deepEqual(await added(() => delegations.hand({ ...hand, until })), [
      `anna delegation.hand anna {"to":"ben","until":"${until.toISOString()}"}`,
    ]);
    assert.deepEqual(await added(() => delegations.hand({ ...hand, until: null })), [
      'anna delegation.end anna {"to":"ben"}',
    ]);
  });

  it('leave one row of an effect that is settled', async () => {
    const key = randomBytes(32).toString('hex');
    await pool.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state, started_at)
       VALUES ($1, decode($2, 'hex'), $3, 1, 1, 'lab.letter.send', '\\x00', '{}', '\\x00', 'needs_review', now())`,
      [tenantId, key, await aRun()],
    );
    const settlement = { tenantId, key, verdict: 'did-not-happen', reason: secret, actor } as const;

    assert.deepEqual(await added(() => new Reviews(pool).settle(settlement, new Map())), [
      `anna effect.settle ${key} {"no":1,"verdict":"did-not-happen"}`,
    ]);
  });

  it('leave one row of each message to a run, and none of a question or of an agent', async () => {
    const inbox = new Inbox(pool);
    const runId = await aRun(false);
    const message = { tenantId, runId, dedupe: 'd', actor } as const;

    assert.deepEqual(await added(() => inbox.send({ ...message, kind: 'cancel' })), [
      `anna run.cancel ${runId} {}`,
    ]);
    assert.deepEqual(await added(() => inbox.send({ ...message, kind: 'cancel' })), []);
    assert.deepEqual(
      await added(() => inbox.send({ ...message, dedupe: 'e', kind: 'explain' })),
      [],
    );
    const agent = { kind: 'agent', id: 'lab.clerk' } as const;
    const its = { ...message, dedupe: 'a', kind: 'pause', actor: agent } as const;
    assert.deepEqual(await added(() => inbox.send(its)), []);
  });

  it('leave one row of a stop and its lifting, those of all in the chain of the installation', async () => {
    const stops = new StopStore(pool, { agents: new Map(), modules: [] });
    const stop = { tenantId, reach: 'all', reason: secret, actor };

    const placed = await added(() => stops.stop(stop), 0);
    assert.match(placed.join(), /^anna stop\.place all \{"id":"[0-9a-f-]{36}"\}$/);
    assert.deepEqual(await added(() => stops.stop(stop), 0), []);
    assert.deepEqual(await added(() => stops.lift(stop), 0), ['anna stop.lift all {}']);
  });

  it('leave one row of a hold, of its release and of what is erased', async () => {
    const { database } = fresh;
    const runId = await aRun();
    const hold = { tenantId, runId, reason: secret, actor };

    assert.deepEqual(await added(() => placeHold(database, hold)), [`anna hold.place ${runId} {}`]);
    assert.deepEqual(await added(() => releaseHold(database, hold)), [
      `anna hold.release ${runId} {}`,
    ]);
    assert.deepEqual(await added(() => releaseHold(database, hold)), []);
    assert.deepEqual(await added(() => eraseRun(database, runId, hold)), [
      `anna run.erase ${runId} {"bodies":1,"what":"run"}`,
    ]);
    assert.deepEqual(await added(() => eraseRun(database, runId, hold)), []);
  });

  it('leave one row of retention that is applied by hand, and none of the daily one', async () => {
    const policy = retentionPolicy(undefined);
    const when = { now: new Date('2022-01-01') };
    const byHand = () => applyRetention(fresh.database, policy, { ...when, actor });

    assert.equal((await added(byHand, 0)).length, 1);
    assert.deepEqual(await added(() => applyRetention(fresh.database, policy, when), 0), []);
  });

  it('leave one row of MCP tools that are accepted, with what they were shown', async () => {
    const digest = 'ab'.repeat(32);
    const tools = [{ tool: 'echo', digest, definition: '{}' }];
    const key = { kind: 'key', id: 'k1' };

    assert.deepEqual(await added(() => auditedPins(pool).accept('tools', tools, key), 0), [
      `k1 mcp_tool.accept tools {"tools":[{"digest":"${digest}","tool":"echo"}]}`,
    ]);
  });

  it('leave the chains as they were written', async () => {
    assert.equal((await log.verify(tenantId)).fault, null);
    assert.equal((await log.verify(0)).fault, null);
  });
});
