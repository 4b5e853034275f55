import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { newId } from '../../core/base/ids.ts';
import { Approvals } from '../../core/engine/approvals/approvals.ts';
import { Store } from '../../core/engine/store/store.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli } from './cli.ts';

const config = fileURLToPath(new URL('../support/fixtures/approvals.config.ts', import.meta.url));

describe('the commands on approvals', function () {
  this.timeout(120_000);
  const folder = scratchFolder({});
  const runId = newId();
  let fresh: FreshDatabase;
  let place: Place;
  let approvals: Approvals;
  let tenantId: number;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    const pool = fresh.database.pool('tutti_engine', 1);
    approvals = new Approvals(pool);
    tenantId = await new Store(pool).tenant('ours');
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor)
       VALUES ($1, $2, 'pay', 1, '{}', 2, '2026-06-30', 'UTC', 'waiting', '{}')`,
      [tenantId, runId],
    );
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  let step = 0;
  /** Asks the controllers, and the head of finance after half an hour. */
  async function ask(required: number, actor = 'cli:rita'): Promise<string> {
    const facts = { tenantId, id: runId, actor: { kind: 'person', id: actor } } as never;
    const { id } = await approvals.ask(facts, {
      ...{ step: step++, path: 'may_pay', title: 'Pay \u202e5 bills?', by: ['controller'] },
      shown: { amount: '12.50', vendor: { name: 'AC\u001b[31mME' } },
      required,
      expiresMs: 3_600_000,
      escalate: { afterMs: 1_800_000, to: ['head'] },
    });
    return id;
  }
  const tutti = (...args: string[]) => runCli(place, [...args, '--config', config]);

  it('show what is asked, by whom, until when and who has decided, and take the word of people', async () => {
    verifies('R12.approvals');
    const id = await ask(2);

    const first = await tutti('approve', id, '--as', 'Anna', '--note', 'Seen.');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /is open: 1 of 2 yes\. Others must say yes, too\./);
    const { code, stdout } = await tutti('approvals');
    assert.equal(code, 0);
    const lines = stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' ').trim());
    assert.deepEqual(lines.slice(0, 4), [
      `${id} Pay 5 bills?`,
      'amount 12.50',
      'vendor.name AC [31mME',
      'asked by cli:rita, in pay may_pay',
    ]);
    assert.equal(lines[4], 'decide controller (anna, ben)');
    assert.match(lines[5] ?? '', /^from 20.* UTC also head$/);
    assert.match(lines[6] ?? '', /^until 20.* UTC$/);
    assert.equal(lines[7], 'yes 1 of 2');
    assert.match(lines[8] ?? '', /^said yes anna, 20.* UTC: Seen\.$/);
    assert.match(stdout, /\n1 approval open\.\n$/);

    const second = await tutti('approve', id, '--as', 'ben', '--json');
    const { state, votes } = JSON.parse(second.stdout);
    assert.deepEqual([state, votes[1].person], ['granted', 'ben']);
    assert.match(votes[1].via, /^cli:./);
    assert.match((await tutti('approvals')).stdout, /^0 approvals open\.\n$/);
    const all = await tutti('approvals', '--all', '--run', runId, '--json');
    assert.equal(JSON.parse(all.stdout)[0].id, id);
  });

  it('refuse with a reason, and refuse who may not decide', async () => {
    verifies('R12.approvals');
    const id = await ask(1, 'cli:ben');
    const [bare, self, stranger, unknown, nobody] = await Promise.all([
      tutti('refuse', id, '--as', 'anna'),
      tutti('approve', id, '--as', 'ben'),
      tutti('approve', id, '--as', 'mallory'),
      tutti('approve', 'ffffffff', '--as', 'anna'),
      tutti('approve', id, '--as', 'an\u200bna'),
    ]);
    for (const wrong of [bare, nobody]) assert.match(wrong.stderr, /^INPUT_INVALID: /);
    for (const wrong of [self, stranger]) assert.match(wrong.stderr, /^APPROVAL_NOT_YOURS: /);
    assert.match(unknown.stderr, /^APPROVAL_UNKNOWN: /);
    for (const each of [bare, self, stranger, unknown, nobody]) assert.equal(each.code, 2);

    const refused = await tutti('refuse', id, '--note', 'Too dear.', '--as', 'anna');
    assert.equal(refused.code, 0, refused.stderr);
    assert.match(refused.stdout, /is refused: .*goes on when an engine starts/);
    const late = await tutti('approve', id, '--as', 'anna');
    assert.match(late.stderr, /^APPROVAL_CLOSED: .* was refused by anna at 20/);
  });

  it('hand the right to decide on until a day, and take it back', async () => {
    const id = await ask(1);
    const wrong = await Promise.all([
      tutti('delegate', 'eve', '--as', 'anna'),
      tutti('delegate', 'eve', '--until', '2020-01-01', '--as', 'anna'),
      tutti('delegate', 'eve', '--until', '2099-02-30', '--as', 'anna'),
      tutti('delegate', 'eve', '--until', 'tomorrow', '--as', 'anna'),
    ]);
    for (const each of wrong) assert.match(each.stderr, /^INPUT_INVALID: /);

    const handed = await tutti('delegate', 'Eve', '--until', '2099-12-31', '--as', 'anna');
    assert.match(
      handed.stdout,
      /^eve {2}decides for {2}anna {2}until {2}2099-12-31T23:59:59\.999Z\n/,
    );
    const end = await tutti('delegate', 'eve', '--end', '--as', 'anna');
    assert.match(end.stdout, /^Everybody decides for themselves\.\n/);
    assert.equal((await tutti('approve', id, '--as', 'eve')).code, 2);
    await tutti('delegate', 'eve', '--until', '2099-12-31T12:00:00Z', '--as', 'anna');
    const view = JSON.parse((await tutti('approve', id, '--as', 'eve', '--json')).stdout);
    assert.deepEqual([view.state, view.votes[0].onBehalfOf], ['granted', 'anna']);
    assert.match((await tutti('approvals', '--all')).stdout, /said yes +eve for anna, 20/);
    const held = JSON.parse((await tutti('delegate', '--json')).stdout);
    assert.deepEqual([held.length, held[0].from, held[0].to], [1, 'anna', 'eve']);
  });

  it('say that there are more than they list', async () => {
    // One after the other: with one connection, all at once would wait for it longer than a pool lets anybody wait.
    for (let asked = 0; asked < 201; asked += 1) await ask(1);

    const [text, json] = await Promise.all([
      runCli(place, ['approvals', '--run', runId, '--config', config]),
      runCli(place, ['approvals', '--run', runId, '--json', '--config', config]),
    ]);

    assert.match(text.stdout, /\n200 approvals open of the newest 200, and there are more: /);
    assert.equal(JSON.parse(json.stdout).length, 200);
  });
});
