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
});
