import assert from 'node:assert/strict';
import { newId } from '../../core/base/ids.ts';
import { Store } from '../../core/engine/store/store.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, shopConfig } from './cli.ts';

describe('the commands on effects', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  const runId = newId();
  const [lost, done] = ['1a'.repeat(32), '2b'.repeat(32)];
  let fresh: FreshDatabase;
  let place: Place;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    const pool = fresh.database.pool('tutti_engine', 1);
    const tenantId = await new Store(pool).tenant('ours');
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor)
       VALUES ($1, $2, 'lab', 1, '{}', 2, '2026-06-30', 'UTC', 'waiting', '{}')`,
      [tenantId, runId],
    );
    await pool.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state, started_at)
       SELECT $1, decode(key, 'hex'), $2, 1, seq, 'post.letter.send', '', '{"kind": "agent", "id": "post.writer"}', '', state, now()
       FROM unnest($3::text[], $4::text[], $5::int[]) AS given (key, state, seq)`,
      [tenantId, runId, [lost, done], ['needs_review', 'applied'], [1, 2]],
    );
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, [...args, '--config', shopConfig]);

  it('list effects, and those that a person must settle', async () => {
    const [all, review, ofNone] = await Promise.all([
      tutti('effects'),
      tutti('effects', '--review', '--run', runId, '--json'),
      tutti('effects', '--run', newId()),
    ]);

    assert.equal(all.code, 0, all.stderr);
    assert.match(all.stdout, /^2b2b2b2b2b2b {2}applied +post\.letter\.send/);
    assert.match(all.stdout, /1a1a1a1a1a1a {2}needs_review \(settle it\)/);
    assert.match(all.stdout, /2 effects, 1 for a person to settle\.\n$/);
    const [effect, ...others] = JSON.parse(review.stdout);
    assert.deepEqual([effect.key, effect.needsPerson, others], [lost, true, []]);
    assert.deepEqual([ofNone.code, ofNone.stdout], [2, '']);
    assert.match(ofNone.stderr, /^RUN_UNKNOWN: /);
  });

  it('settle one, once, and refuse what is none or makes no sense', async () => {
    verifies('R8.escalate');
    const [perhaps, unknown, noJson, applied] = await Promise.all([
      tutti('settle', lost, 'perhaps'),
      tutti('settle', 'ffffffff', 'retry'),
      tutti('settle', lost, 'happened', '--outcome', '{'),
      tutti('settle', done, 'retry'),
    ]);
    for (const refused of [perhaps, noJson]) assert.match(refused.stderr, /^INPUT_INVALID: /);
    assert.match(unknown.stderr, /^EFFECT_UNKNOWN: /);
    assert.match(applied.stderr, /^EFFECT_SETTLED: .*'applied'/);
    for (const refused of [perhaps, unknown, noJson, applied]) assert.equal(refused.code, 2);

    const outcome = ['--outcome', '{"number":"A-7"}', '--reason', 'I called.'];
    const settled = await tutti('settle', lost.slice(0, 8), 'happened', ...outcome, '--json');
    const again = await tutti('settle', lost, 'retry');

    assert.equal(settled.code, 0, settled.stderr);
    const { state, outcome: kept, reviews } = JSON.parse(settled.stdout);
    assert.deepEqual([state, kept], ['applied', { number: 'A-7' }]);
    assert.deepEqual([reviews[0].verdict, reviews[0].reason], ['happened', 'I called.']);
    assert.match(reviews[0].actor.id, /^cli:./);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /^EFFECT_SETTLED: .*cli:.* said 'happened'/);
  });

  it('say of an effect whose run has ended that nothing carries it out by itself', async () => {
    verifies('R8.escalate');
    const [again, found] = ['3c'.repeat(32), '4d'.repeat(32)];
    const pool = fresh.database.pool('tutti_engine', 1);
    const ended = newId();
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, ended_at)
       SELECT tenant_id, $2, workflow, workflow_version, pins, journal_v, business_date, time_zone, 'cancelled', actor, now() FROM tutti.run WHERE id = $1`,
      [runId, ended],
    );
    await pool.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state, started_at)
       SELECT tenant_id, decode(given.key, 'hex'), $2, 1, given.seq, tool, contract, actor, args_sha256, 'started', now()
       FROM tutti.effect e, unnest($3::text[], $4::int[]) AS given (key, seq) WHERE e.key = decode($1, 'hex')`,
      [done, ended, [again, found], [1, 2]],
    );

    const retried = await tutti('settle', again, 'retry');
    const happened = await tutti('settle', found, 'happened');

    assert.equal(retried.code, 0, retried.stderr);
    assert.match(
      retried.stdout,
      new RegExp(
        `is 'approved' now\\. .*nothing carries it out by itself: tutti retry ${ended}\n$`,
      ),
    );
    assert.match(happened.stdout, /is 'applied' now\. Its run has ended\.\n$/);
    assert.doesNotMatch(retried.stdout + happened.stdout, /go on/);
  });
});
