import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { WebhookLab } from '../../support/webhook-lab.ts';
import { openWebhookReceiver } from '../../support/webhook-receiver.ts';

describe('the feeds of several tenants', function () {
  this.timeout(120_000);
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
});
