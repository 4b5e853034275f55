import assert from 'node:assert/strict';
import { Webhook } from 'standardwebhooks';
import { Tenants } from '../../../core/service/identity/tenants.ts';
import { delaysMs } from '../../../core/service/webhooks/retry.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { tester, WebhookLab } from '../../support/webhook-lab.ts';
import { openWebhookReceiver, type Received } from '../../support/webhook-receiver.ts';

const whose = { tenantId: 1, actor: tester };
const hour = 3_600_000;

describe('webhooks out', () => {
  let lab: WebhookLab;

  before(async () => {
    lab = await WebhookLab.open();
  });
  afterEach(() => lab.stop());
  after(function () {
    return lab.fresh.drop(this);
  });

  /** Attempts that were delivered, failed, and met somebody who is gone; deliveries that ended as delivered and as failed. */
  function counted() {
    const { metrics } = lab;
    return {
      attempts: ['delivered', 'failed', 'gone'].map((outcome) =>
        metrics.sum('tutti.deliveries.attempts', { outcome }),
      ),
      ended: ['delivered', 'failed'].map((state) =>
        metrics.sum('tutti.deliveries.ended', { state }),
      ),
    };
  }

  it('tells an endpoint what happens from then on, signed as the standard says', async () => {
    verifies('R9.webhooks-out', 'R12.signing');
    await using receiver = await openWebhookReceiver();
    await lab.run('before');
    await lab.add(receiver);
    await lab.start([receiver]);

    const runId = await lab.run('nightly', 'DE01');
    await lab.told(receiver);

    const [message] = receiver.received;
    assert.equal(receiver.received.length, 1);
    assert.deepEqual(message?.signedBy, [true]);
    assert.match(message?.id ?? '', /^msg_[0-9a-f]{32}$/);
    assert.deepEqual(message?.payload.data, {
      runId,
      workflow: 'nightly',
      company: 'DE01',
      businessDate: '2026-06-30',
      rehearsal: false,
      version: 1,
    });
    assert.deepEqual(lab.errors, []);
  });

  it('is believed by the library that receivers use', async () => {
    let isVerified: unknown = 'nothing came';
    const secrets: string[] = [];
    await using receiver = await openWebhookReceiver(() => 200);
    secrets.push((await lab.webhooks(receiver).add(whose, { url: receiver.url })).secret);
    const [secret = ''] = secrets;
    const { signedHeaders } = await import('../../../core/service/webhooks/secret.ts');
    const body = Buffer.from('{"type":"ping"}');
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');

    const headers = await signedHeaders({ deliveryId: 'a-b', body, at: new Date() }, [key]);
    isVerified = new Webhook(secret).verify(body, { ...headers });

    assert.deepEqual(isVerified, { type: 'ping' });
    assert.throws(() => new Webhook(secret).verify('{"type":"pong"}', { ...headers }));
  });

  it('tries again by the schedule, under the same id and a new time, until one is 2xx', async () => {
    const answers = [500, 302, 404, 200];
    await using receiver = await openWebhookReceiver((_, before) => {
      const status = answers[before.length] ?? 200;
      return status === 302 ? { status, headers: { location: receiver.url } } : status;
    });
    await lab.add(receiver);
    await lab.start([receiver]);
    await lab.run();
    await lab.told(receiver);
    for (const delay of delaysMs.slice(1)) await lab.pass(delay);

    const ids = new Set(receiver.received.map(({ id }) => id));
    assert.equal(
      receiver.received.length,
      4,
      'a redirect is not followed, and nothing comes after success',
    );
    assert.equal(ids.size, 1);
    const waits = receiver.received
      .slice(1)
      .map(({ timestamp }, index) => timestamp - (receiver.received[index]?.timestamp ?? 0));
    assert.deepEqual(
      waits.map((seconds) => Math.round(seconds / 5) * 5),
      [5, 300, 1_800],
    );
    assert.ok(receiver.received.every(({ signedBy }) => signedBy[0]));
    const [delivery] = await lab.log.list(1, { limit: 10 });
    const { log, state } = await lab.log.get(1, delivery?.id ?? '');
    assert.deepEqual([state, log.map(({ status }) => status)], ['delivered', answers]);
    assert.deepEqual(counted(), { attempts: [1, 3, 0], ended: [1, 0] });
  });

  it('waits as long as it is asked to, and leaves a slow endpoint after 15 s', async () => {
    const replies = [
      { status: 429, headers: { 'retry-after': '3600' } },
      () => undefined,
      200,
    ] as const;
    await using receiver = await openWebhookReceiver((_, before) => replies[before.length] ?? 200);
    await lab.add(receiver);
    const part = await lab.start([receiver]);
    await lab.run();
    await lab.told(receiver);

    await lab.pass(3_580_000);
    assert.equal(receiver.received.length, 1);
    lab.clock.pass(21_000);
    await eventually(() => receiver.received.length === 2);
    lab.clock.pass(15_000);
    await part.settled();
    await lab.pass(delaysMs[2] ?? 0);

    assert.equal(receiver.received.length, 3);
    const [delivery] = await lab.log.list(1, { limit: 10 });
    const { log } = await lab.log.get(1, delivery?.id ?? '');
    assert.deepEqual(
      log.map(({ status }) => status),
      [429, null, 200],
    );
    assert.match(log[1]?.error ?? '', /No answer within 15000 ms/);
  });

  it('sends nothing of a tenant that is suspended, and all of it once it is resumed', async () => {
    verifies('R12.tenancy', 'R9.webhooks-out');
    await using receiver = await openWebhookReceiver();
    await lab.pool.query("INSERT INTO tutti.tenant (id, slug) VALUES (1, 'corp')");
    const tenants = new Tenants(lab.pool, lab.clock);
    await lab.add(receiver);
    await lab.start([receiver]);
    await lab.run('before');
    await lab.told(receiver);
    await tenants.suspend('corp', tester);

    await lab.run('meanwhile');
    for (let second = 0; second < 5; second += 1) await lab.pass(1_000);
    const [waiting] = await lab.log.list(1, { limit: 1 });
    const before = receiver.received.length;
    await tenants.resume('corp', tester);
    await lab.told(receiver, 2);

    assert.deepEqual([before, waiting?.state, waiting?.attempts], [1, 'pending', 0]);
    assert.deepEqual(
      receiver.received.map(({ payload }) => payload.data.workflow),
      ['before', 'meanwhile'],
    );
  });

  it('sends an endpoint that is gone nothing more, and tells the others', async () => {
    await using gone = await openWebhookReceiver(() => 410);
    await using other = await openWebhookReceiver();
    const id = await lab.add(gone);
    await lab.add(other, { types: ['webhook.disabled'] });
    await lab.start([gone, other]);
    await lab.run();
    await lab.told(gone);
    await lab.told(other);
    await lab.run();
    await lab.pass(1_000);

    assert.equal(gone.received.length, 1);
    assert.deepEqual(
      other.received.map(({ payload }) => payload.data),
      [{ webhookId: id, reason: 'gone' }],
    );
    assert.equal((await lab.webhooks(gone).get(1, id)).disabledBy, 'gone');
    assert.deepEqual(counted(), { attempts: [1, 0, 1], ended: [1, 1] });
  });

  it('disables an endpoint that takes nothing for a whole schedule; enabled again, it can be caught up by replay', async () => {
    let isUp = false;
    await using receiver = await openWebhookReceiver(() => (isUp ? 200 : 503));
    const id = await lab.add(receiver);
    await lab.start([receiver]);
    await lab.run();
    await lab.told(receiver);
    for (const delay of delaysMs.slice(1)) await lab.pass(delay + 1_000);

    assert.equal(receiver.received.length, 10);
    const [failed] = await lab.log.list(1, { limit: 10, state: 'failed' });
    assert.ok(failed);
    assert.equal((await lab.webhooks(receiver).get(1, id)).disabledBy, 'unreachable');
    await assert.rejects(lab.log.replay(whose, failed.id), { code: 'INPUT_INVALID' });

    isUp = true;
    await lab.webhooks(receiver).change(whose, id, { disabled: false });
    await lab.log.replay(whose, failed.id);
    await lab.pass(1_000);

    assert.equal(receiver.received.length, 11);
    assert.equal(new Set(receiver.received.map((each) => each.id)).size, 1);
    assert.equal((await lab.log.get(1, failed.id)).state, 'delivered');
  });

  it('signs with both secrets while they are rotated', async () => {
    await using receiver = await openWebhookReceiver();
    const id = await lab.add(receiver);
    await lab.start([receiver]);
    const { secret } = await lab.webhooks(receiver).rotate(whose, id, { overlapHours: 1 });
    receiver.secrets.push(secret);
    await lab.webhooks(receiver).ping(whose, id);
    await lab.pass(1_000);
    await lab.pass(2 * hour);
    await lab.webhooks(receiver).ping(whose, id);
    await lab.pass(1_000);

    assert.deepEqual(
      receiver.received.map(({ signedBy }) => signedBy),
      [
        [true, true],
        [false, true],
      ],
    );
  });

  it('tells an endpoint only what it wants to hear of', async () => {
    await using receiver = await openWebhookReceiver();
    await lab.add(receiver, { companies: ['DE01'], types: ['run.started'] });
    await lab.start([receiver]);
    await lab.run('group');
    await lab.run('theirs', 'US01');
    await lab.run('ours', 'DE01');
    await lab.told(receiver);

    assert.deepEqual(
      receiver.received.map(({ payload }) => payload.data.workflow),
      ['ours'],
    );
  });

  it('makes no more deliveries at once than an endpoint allows, whoever makes them', async () => {
    const waiting: (() => void)[] = [];
    await using receiver = await openWebhookReceiver(() => (response) => {
      waiting.push(() => void response.writeHead(200).end());
    });
    await lab.add(receiver, { concurrency: 3 });
    for (let count = 0; count < 12; count += 1) await lab.run();
    const parts = [await lab.start([receiver]), await lab.start([receiver])];
    lab.clock.pass(1_000);

    await eventually(() => waiting.length >= 3);
    // Nobody answers, and both look again and again.
    for (let turn = 0; turn < 10; turn += 1) {
      lab.clock.pass(1_000);
      for (let query = 0; query < 5; query += 1) await lab.pool.query('SELECT 1');
    }
    assert.equal(receiver.received.length, 3);
    const delivered = async () => (await lab.log.list(1, { limit: 20, state: 'delivered' })).length;
    for (let answered = 1; answered <= 12; answered += 1) {
      await eventually(() => waiting.length > 0);
      waiting.shift()?.();
      // By this clock one whose answer is still on its way would soon be too late.
      await eventually(async () => (await delivered()) === answered);
      lab.clock.pass(1_000);
    }
    for (const part of parts) await part.settled();

    assert.equal(receiver.received.length, 12);
    assert.ok(receiver.mostAtOnce <= 3, `${receiver.mostAtOnce}`);
  });

  it('reaches nothing inside that the operator does not vouch for', async () => {
    verifies('R12.untrusted-text');
    await using receiver = await openWebhookReceiver();
    const add = (url: string) => lab.webhooks().add(whose, { url });

    for (const url of [
      receiver.url,
      'https://127.0.0.1/x',
      'https://10.0.0.1',
      'https://localhost./',
      'https://a:b@example.com/',
    ])
      await assert.rejects(add(url), { code: 'EGRESS_REFUSED' }, url);
    await lab.add(receiver);
    await lab.start([]);
    await lab.run();
    await lab.pass(1_000);

    assert.equal(receiver.received.length, 0);
    const [delivery] = await lab.log.list(1, { limit: 1 });
    assert.match(delivery?.error ?? '', /not https|no public address/);
  });

  it('keeps the beginning of an answer, without what might be personal or secret', async () => {
    const body =
      'Dear anna@corp.example,\nIBAN DE89 3704 0044 0532 0130 00 key sk-abcdefghijklmnopqrstuvwxyz012345';
    await using receiver = await openWebhookReceiver(() => ({ status: 200, body }));
    await lab.add(receiver);
    await lab.start([receiver]);
    await lab.run();
    await lab.told(receiver);

    const [delivery] = await lab.log.list(1, { limit: 1 });
    const { log } = await lab.log.get(1, delivery?.id ?? '');
    assert.equal(log[0]?.answer, 'Dear [mail], IBAN [account] key [token]');
  });

  it('tells of findings, failures, questions and stops in ids, codes and amounts', async () => {
    await using receiver = await openWebhookReceiver();
    await lab.add(receiver);
    await lab.start([receiver]);
    const runId = await lab.run();
    await prepare(lab, runId);
    await lab.write(runId, 2, [
      ['finding', { kind: 'hr.gap', severity: 'high' }],
      ['step.failed', { error: { code: 'TOOL_REFUSED', message: 'Anna Muster' } }],
      ['budget.warned', { scope: 'module:hr', limitMicroUsd: 5, share: 0.8 }],
      ['note', {}],
    ]);
    await lab.told(receiver, 7);

    const data = (type: string) =>
      receiver.received.find((each: Received) => each.type === type)?.payload.data;
    assert.deepEqual(receiver.received.map(({ type }) => type).sort(), [
      'approval.decided',
      'approval.requested',
      'budget.warned',
      'finding.created',
      'run.started',
      'step.failed',
      'stop.set',
    ]);
    assert.deepEqual(data('step.failed'), {
      runId,
      workflow: 'nightly',
      step: 'check[7]',
      agent: 'hr.gaps',
      code: 'TOOL_REFUSED',
    });
    const { fingerprint: _, ...finding } = data('finding.created') ?? {};
    assert.deepEqual(finding, {
      findingId: `${runId}/2`,
      runId,
      known: false,
      module: 'hr',
      agent: 'hr.gaps',
      kind: 'hr.gap',
      severity: 'high',
      company: 'DE01',
      records: [{ entity: 'payslip', id: '7' }],
      amount: '12.50',
      currency: 'EUR',
    });
    assert.equal(data('approval.decided')?.state, 'granted');
    assert.deepEqual(Object.keys(data('stop.set') ?? {}), ['stopId', 'reach']);
    assert.ok(receiver.received.every(({ bytes }) => bytes < 20_000));
    assert.doesNotMatch(JSON.stringify(receiver.received), /Anna/);
    assert.deepEqual(lab.errors, []);
  });
});

/** What the entries of a run refer to, a question that is granted, and a stop. */
async function prepare({ pool }: WebhookLab, runId: string): Promise<void> {
  await pool.query(
    `INSERT INTO tutti.step (tenant_id, run_id, id, node, item_key, kind, agent, status, priority) VALUES (1, $1, 0, 'check', '7', 'task', 'hr.gaps', 'failed', 5)`,
    [runId],
  );
  await pool.query(
    `INSERT INTO tutti.finding (tenant_id, run_id, fingerprint, step, seq, module, agent, kind, severity, company, records, amount, currency)
     VALUES (1, $1, '\\x01', 0, 2, 'hr', 'hr.gaps', 'hr.gap', 'high', 'DE01', '[{"entity":"payslip","id":"7","name":"Anna"}]', 12.50, 'EUR')`,
    [runId],
  );
  await pool.query(
    `INSERT INTO tutti.approval (tenant_id, id, run_id, step, path, digest, tier, required, state, requested_by, expires_at, title, shown, deciders)
     VALUES (1, $1, $1, 0, 'check', '\\x01', 'node', 1, 'open', '{"id":"Anna"}', now() + interval '1 day', 'Anna?', '{}', '{}')`,
    [runId],
  );
  await pool.query(`UPDATE tutti.approval SET state = 'granted' WHERE id = $1`, [runId]);
  await pool.query(`UPDATE tutti.approval SET state = 'consumed' WHERE id = $1`, [runId]);
  await pool.query(
    `INSERT INTO tutti.stop (tenant_id, id, reach, reason, actor) VALUES (0, $1, 'all', 'Anna', '{}')`,
    [runId],
  );
}
