import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { WebhookLab } from '../../support/webhook-lab.ts';
import { openWebhookReceiver } from '../../support/webhook-receiver.ts';

describe('the feeds of several tenants', () => {
  let lab: WebhookLab;

  before(async () => {
    lab = await WebhookLab.open();
  });
  afterEach(() => lab.stop());
  after(function () {
    return lab.fresh.drop(this);
  });

  it('tells the endpoints of a tenant what happens, also where nobody can read the feed of another', async () => {
    const broken = 4_711;
    await lab.pool.query(
      `INSERT INTO tutti.webhook_place (tenant_id, tx, run_id) VALUES ($1, 0, gen_random_uuid())`,
      [broken],
    );
    await using receiver = await openWebhookReceiver();
    const id = await lab.add(receiver);
    await lab.pool.query(
      `INSERT INTO tutti.webhook SELECT (jsonb_populate_record(w, jsonb_build_object('tenant_id', $2::int))).* FROM tutti.webhook w WHERE id = $1`,
      [id, broken],
    );
    await lab.fresh.database.admin((client) =>
      client.query(`CREATE FUNCTION tutti.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE 'no such place'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON tutti.webhook_place FOR EACH ROW WHEN (OLD.tenant_id = ${broken}) EXECUTE FUNCTION tutti.refuse()`),
    );
    await lab.start([receiver]);
    const runId = newId();
    await lab.pool.query(
      'INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq) VALUES ($1, $2, 1, 1)',
      [broken, runId],
    );

    await lab.run();
    await lab.told(receiver);

    assert.equal(receiver.received.length, 1);
    assert.ok(lab.errors.every((error) => String(error).includes('no such place')));
    assert.ok(lab.errors.length > 0);
  });

  it('tells nothing again that a retry has taken over from the run before', async () => {
    await using receiver = await openWebhookReceiver();
    await lab.add(receiver);
    await lab.start([receiver]);
    const retry = await lab.run();
    for (const seq of [2, 3])
      await lab.pool.query(
        `INSERT INTO tutti.finding (tenant_id, run_id, fingerprint, step, seq, module, agent, kind, severity, records)
         VALUES (1, $1, sha256(('f' || $2::bigint)::bytea), 0, $2::bigint, 'hr', 'hr.gaps', 'hr.gap', 'high', '[]')`,
        [retry, seq],
      );
    await lab.write(retry, 2, [
      ['finding', { kind: 'hr.gap', severity: 'high', carried: true }],
      ['finding', { kind: 'hr.gap', severity: 'high' }],
    ]);
    await lab.told(receiver, 2);

    const told = receiver.received.map(({ type, payload }) => [type, payload.data.findingId]);
    assert.deepEqual(told.toSorted(), [
      ['finding.created', `${retry}/3`],
      ['run.started', undefined],
    ]);
  });
});
