import assert from 'node:assert/strict';
import type pg from 'pg';
import { defineSchedule, type Schedule } from 'tutti';
import { History } from '../../../core/engine/history/history.ts';
import type { MorningReportConfig } from '../../../core/ports/service-config.ts';
import { readMorningReport } from '../../../core/service/batch/morning-report.ts';
import { textOf } from '../../../core/service/batch/morning-report-text.ts';
import {
  MorningReporter,
  type ReportedTenant,
} from '../../../core/service/batch/morning-reporter.ts';
import { MessageSender } from '../../../core/service/messages/sender.ts';
import { calendars } from '../../../modules/calendars.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { registeredOf, storeNight } from '../../support/night-lab.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { openSmtpServer, type SmtpServer } from '../../support/smtp-server.ts';
import { verifies } from '../../support/verifies.ts';

const day = 86_400_000;
/** Tenants of the tests: theirs, and one that has never had a night. */
let tenants: readonly ReportedTenant[];
const mail = { urlFrom: 'MAIL_URL', from: 'tutti@corp.example' };

describe('the morning report', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let history: History;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    history = new History(fresh.database);
  });
  beforeEach(() => {
    tenants = [{ id: 1, slug: 'corp', suspendedAt: null }];
    schedules = [];
  });
  afterEach(async () => {
    for (const table of ['run', 'step', 'finding', 'morning_report', 'message'])
      await pool.query(`DELETE FROM tutti.${table}`);
  });
  after(function () {
    return fresh.drop(this);
  });

  let schedules: readonly Schedule[] = [];
  const engine = (clock: FakeClock, config: MorningReportConfig, server?: SmtpServer) => {
    const onError = (error: unknown) => assert.fail(error as Error);
    const common = { pool, clock, onError };
    const registry = { schedules: registeredOf(schedules), calendars };
    const parts = { ...common, history, config, registry, tenants: async () => tenants };
    const reporter = new MorningReporter(parts);
    const env = { MAIL_URL: server?.url ?? '' };
    const sender = new MessageSender({ ...common, env, mail, onError: () => {} });
    return { reporter, sender };
  };

  /** Two engines look at the same moment, and send what there is. */
  const look = async (clock: FakeClock, config: MorningReportConfig, server: SmtpServer) => {
    const two = [engine(clock, config, server), engine(clock, config, server)];
    await Promise.all(two.map(({ reporter }) => reporter.start()));
    await Promise.all(two.map(({ reporter }) => reporter.close()));
    await Promise.all(two.map(({ sender }) => sender.sendDue()));
  };

  it('says what is new, gone, still open and not looked at, against the last night that got through', async () => {
    verifies('R11.report', 'R11.trends');
    const at = (days: number) => new Date(Date.now() - days * day);
    const before = await storeNight(pool, {
      at: at(3),
      findings: [
        { mark: 'stays', amount: '10.00' },
        { mark: 'goes' },
        { mark: 'unseen', agent: 'hr.gaps' },
      ],
    });
    await storeNight(pool, { at: at(2), rehearsal: true, findings: [{ mark: 'rehearsed' }] });
    await storeNight(pool, { at: at(1.5), status: 'failed' });
    const runId = await storeNight(pool, {
      at: at(1),
      status: 'partial',
      findings: [
        { mark: 'stays', amount: '10.00' },
        { mark: 'new', severity: 'critical', amount: '2500.5' },
      ],
      failed: ['hr.gaps'],
    });

    const report = await readMorningReport({ history, pool }, { tenantId: 1, runId });

    const marks = (of: readonly { readonly records: readonly { readonly id: string }[] }[]) =>
      of.flatMap(({ records }) => records.map(({ id }) => id));
    assert.equal(report.since?.head.id, before);
    assert.deepEqual(marks(report.newFindings), ['new']);
    assert.deepEqual(marks(report.openFindings), ['stays']);
    assert.deepEqual(marks(report.goneFindings), ['goes']);
    assert.deepEqual(marks(report.uncheckedFindings), ['unseen']);
    assert.deepEqual(report.failedSteps, [
      { path: 'node1', agent: 'hr.gaps', code: 'MODEL_FAILED' },
    ]);
    const text = textOf(report, { link: 'https://tutti.example/', summaries: false });
    assert.match(
      text,
      /New findings: 1 \(2,500\.50 EUR\)\n {2}Finance, critical: 1 \(2,500\.50 EUR\)/,
    );
    assert.match(text, /– critical, DE01, duplicate invoice, 2,500\.50 EUR: invoice new\n/);
    assert.match(text, new RegExp(`https://tutti\\.example/report/${runId}\n`));
    assert.doesNotMatch(text, /Anna/);
    assert.match(textOf(report, { link: null, summaries: true }), /Anna Muster, new/);
  });

  it('is sent once a night as soon as it has ended, whoever looks and however often', async () => {
    await using server = await openSmtpServer();
    const clock = new FakeClock(Date.now());
    const config = { to: ['anna@corp.example'], link: 'https://tutti.example' };
    await storeNight(pool, { at: new Date(clock.now() - 3 * day), findings: [{ mark: 'old' }] });
    await storeNight(pool, {
      at: new Date(clock.now() - 600_000),
      status: 'running',
      durationMs: null,
    });
    await look(clock, config, server);
    assert.equal(server.messages.length, 0);

    await storeNight(pool, { at: new Date(clock.now() - 900_000), findings: [{ mark: '<b>' }] });
    await look(clock, config, server);
    await look(clock, config, server);

    assert.equal(server.messages.length, 1);
    const { data, to } = server.messages[0] ?? assert.fail();
    assert.deepEqual(to, ['anna@corp.example']);
    assert.match(data, /^Subject: Tutti: nightly of 2026-06-30 succeeded, 1 new finding$/m);
    assert.match(data, /text\/plain/);
    assert.match(data, /text\/html/);
    assert.doesNotMatch(data, /<li>[^<]*<b>/);
    const { rows } = await pool.query('SELECT state, body FROM tutti.message');
    assert.deepEqual(rows, [{ state: 'sent', body: null }]);
  });

  it('goes out at a set time whatever the state of the night, and says when there is none', async () => {
    await using server = await openSmtpServer();
    const clock = new FakeClock(Date.UTC(2026, 6, 1, 4, 59));
    const config = { to: ['anna@corp.example'], at: '07:00', timeZone: 'Europe/Berlin' };
    await storeNight(pool, {
      at: new Date(clock.now() - 3_600_000),
      status: 'running',
      durationMs: null,
    });
    await look(clock, config, server);
    assert.equal(server.messages.length, 0);

    clock.pass(120_000);
    await look(clock, config, server);
    await look(clock, config, server);
    clock.pass(day);
    await look(clock, config, server);

    const subjects = server.messages.map(({ data }) => /^Subject: (.*)$/m.exec(data)?.[1]);
    assert.deepEqual(subjects, [
      'Tutti: nightly of 2026-06-30 running, 0 new findings',
      'Tutti: nightly has not begun',
    ]);
  });

  it('is sent for every tenant that is not suspended, each to its own people, and for none that never had a night', async () => {
    verifies('R11.report');
    await using server = await openSmtpServer();
    const clock = new FakeClock(Date.UTC(2026, 6, 1, 5, 1));
    const at = new Date(clock.now() - 3_600_000);
    const two = { to: ['ben@two.example'] };
    const config = {
      ...{ to: ['anna@corp.example'], tenants: { two } },
      ...{ at: '07:00', timeZone: 'Europe/Berlin' },
    };
    const suspendedAt = new Date(clock.now());
    tenants = [
      { id: 1, slug: 'corp', suspendedAt: null },
      { id: 2, slug: 'two', suspendedAt: null },
      { id: 3, slug: 'three', suspendedAt },
      { id: 4, slug: 'four', suspendedAt: null },
    ];
    for (const tenantId of [1, 2, 3])
      await storeNight(pool, { tenantId, at, findings: [{ mark: `own${tenantId}` }] });

    await look(clock, config, server);
    await look(clock, config, server);

    const sent = server.messages.map(
      ({ to, data }) =>
        `${to}: ${/^Subject: (.*)$/m.exec(data)?.[1]} / ${data.replaceAll(/=\r?\n/g, '').match(/own\d/g)?.[0]}`,
    );
    assert.deepEqual(sent.toSorted(), [
      'anna@corp.example: Tutti: nightly of 2026-06-30 succeeded, 1 new finding (corp) / own1',
      'ben@two.example: Tutti: nightly of 2026-06-30 succeeded, 1 new finding (two) / own2',
    ]);
  });

  it('goes out at a set time for each company that has a night of its own', async () => {
    await using server = await openSmtpServer();
    const clock = new FakeClock(Date.UTC(2026, 6, 1, 7, 1));
    const config = { to: ['anna@corp.example'], at: '07:00' };
    const at = (hours: number) => new Date(clock.now() - hours * 3_600_000);
    await storeNight(pool, { at: at(9), company: 'DE01', status: 'failed' });
    await storeNight(pool, { at: at(8), company: 'US01', findings: [{ mark: 'us' }] });
    await storeNight(pool, { at: at(7), company: 'DE01' });

    await look(clock, config, server);
    await look(clock, config, server);

    const told = server.messages.map(({ data }) => /(DE01|US01) succeeded/.exec(data)?.[1]);
    assert.deepEqual(told.toSorted(), ['DE01', 'US01']);
  });

  it('says of a day that its schedules leave out, or that none of them is for, nothing', async () => {
    await using server = await openSmtpServer();
    // A Saturday: the night of Friday is missing, and no other until Tuesday.
    const clock = new FakeClock(Date.UTC(2026, 6, 11, 7, 1));
    const config = { to: ['anna@corp.example'], at: '07:00' };
    const when = { cron: '0 22 * * *', timeZone: 'UTC' };
    schedules = [
      defineSchedule({ name: 'nights', workflow: 'nightly', when, exclude: ['weekends'] }),
      defineSchedule({ name: 'others', workflow: 'other', when }),
    ];
    await storeNight(pool, { at: new Date(clock.now() - 72 * 3_600_000) });
    const days: number[] = [];
    for (let each = 11; each <= 14; each += 1) {
      await look(clock, config, server);
      days.push(server.messages.length);
      clock.pass(day);
    }

    assert.deepEqual(days, [1, 1, 1, 2]);
    assert.match(server.messages[0]?.data ?? '', /^Subject: Tutti: nightly has not begun$/m);
    tenants = [{ id: 9, slug: 'nine', suspendedAt: null }];
    await pool.query(
      `INSERT INTO tutti.schedule (tenant_id, name, declared, timing, through_at, seen_at, since) VALUES (9, 'others', '\\x00', '\\x00', now(), now(), now())`,
    );
    await look(clock, config, server);
    assert.equal(server.messages.length, 2);
  });

  it('comes again for those alone whom the mail server has not taken it for', async () => {
    verifies('R11.report');
    const later = new Set(['ben@corp.example']);
    await using server = await openSmtpServer({
      recipient: (address) => (later.delete(address) ? '451 later' : '250 known'),
    });
    const clock = new FakeClock(Date.now());
    const config = { to: ['anna@corp.example', 'ben@corp.example'] };
    await storeNight(pool, { at: new Date(clock.now() - 900_000) });
    await look(clock, config, server);
    clock.pass(31_000);
    await look(clock, config, server);
    clock.pass(600_000);
    await look(clock, config, server);

    assert.deepEqual(
      server.messages.map(({ to }) => to),
      [['anna@corp.example'], ['ben@corp.example']],
    );
    const { rows } = await pool.query('SELECT state FROM tutti.message');
    assert.deepEqual(rows, [{ state: 'sent' }]);
  });

  it('is sent again until the mail server takes it, under one Message-ID, and given up in the end', async () => {
    const codes = ['451 later', '250 taken'];
    let asked = 0;
    await using server = await openSmtpServer({ recipient: () => codes[asked++] ?? '451 later' });
    const clock = new FakeClock(Date.now());
    const config = { to: ['anna@corp.example'] };
    await storeNight(pool, { at: new Date(clock.now() - 900_000) });
    await look(clock, config, server);
    assert.equal(server.messages.length, 0);
    clock.pass(29_000);
    await look(clock, config, server);
    assert.equal(asked, 1);
    clock.pass(2_000);
    await look(clock, config, server);

    assert.equal(server.messages.length, 1);
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM tutti.message');
    assert.match(
      server.messages[0]?.data ?? '',
      new RegExp(`^Message-ID: <${rows[0]?.id}@corp.example>$`, 'im'),
    );
    await pool.query('DELETE FROM tutti.morning_report');
    await pool.query('DELETE FROM tutti.message');
    for (let hours = 0; hours < 20; hours += 1) {
      await look(clock, config, server);
      clock.pass(10 * 3_600_000);
    }
    const { rows: ended } = await pool.query('SELECT state, body, attempt FROM tutti.message');
    assert.deepEqual(ended, [{ state: 'failed', body: null, attempt: 8 }]);
  });
});
