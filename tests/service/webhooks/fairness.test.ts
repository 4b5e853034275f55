import assert from 'node:assert/strict';
import { claim } from '../../../core/service/webhooks/claims.ts';
import { verifies } from '../../support/verifies.ts';
import { tester, WebhookLab } from '../../support/webhook-lab.ts';
import { openWebhookReceiver } from '../../support/webhook-receiver.ts';

describe('the turn of a delivery', () => {
  let lab: WebhookLab;

  before(async () => {
    lab = await WebhookLab.open();
  });
  afterEach(() => lab.stop());
  after(function () {
    return lab.fresh.drop(this);
  });

  it('is kept from no tenant by the endpoints of another that do not answer', async () => {
    verifies('R12.tenancy');
    await using receiver = await openWebhookReceiver();
    const webhooks = lab.webhooks(receiver);
    const [slow, quick] = [
      { tenantId: 1, actor: tester },
      { tenantId: 2, actor: tester },
    ];
    const made = async (of: typeof slow) =>
      (await webhooks.add(of, { url: receiver.url, concurrency: 4 })).webhook.id;
    const ping = async (of: typeof slow, id: string) => {
      for (let no = 0; no < 4; no += 1) await webhooks.ping(of, id);
    };
    const take = async (limit: number) => {
      const now = lab.clock.now();
      const times = { now: new Date(now), until: new Date(now + 60_000) };
      const taken = await claim(lab.pool, { ...times, limit, seal: lab.seal });
      return taken.map(({ tenantId }) => tenantId).toSorted();
    };
    for (let no = 0; no < 3; no += 1) await ping(slow, await made(slow));
    assert.deepEqual(await take(4), [1, 1, 1, 1]);
    lab.clock.pass(1_000);
    await ping(quick, await made(quick));

    assert.deepEqual(await take(3), [2, 2, 2]);
    assert.deepEqual(await take(3), [1, 1, 2]);
    assert.deepEqual((await take(9)).length, 6);
  });

  it('comes to every endpoint, however many are due before it and have no place free', async () => {
    verifies('R12.tenancy');
    const at = new Date(lab.clock.now());
    const times = { now: at, until: new Date(at.getTime() + 60_000) };
    const take = async () => {
      const taken = await claim(lab.pool, { ...times, limit: 500, seal: lab.seal });
      return Map.groupBy(taken, ({ tenantId }) => tenantId);
    };
    await lab.pool.query('DELETE FROM tutti.delivery');
    // Of one tenant 120 that take one delivery at once and have two each; of another one alone, made last.
    await lab.pool.query(
      `WITH made AS (INSERT INTO tutti.webhook (tenant_id, id, url, concurrency, created_by)
         SELECT CASE WHEN no <= 120 THEN 5 ELSE 6 END, gen_random_uuid(), 'https://example.com/', 1, '{}' FROM generate_series(1, 121) no RETURNING tenant_id, id)
       INSERT INTO tutti.delivery (tenant_id, id, endpoint_id, type, body, next_at, state, event)
       SELECT tenant_id, gen_random_uuid(), id, 'ping', '', $1::timestamptz - (13 - 2 * tenant_id) * interval '1 s', 'pending', 'event ' || nth
       FROM made CROSS JOIN generate_series(1, 2) nth`,
      [at],
    );

    const first = await take();
    const second = await take();

    assert.deepEqual([first.get(5)?.length, first.get(6)?.length], [99, 1]);
    assert.deepEqual([second.get(5)?.length, second.get(6)], [21, undefined]);
  });
});
