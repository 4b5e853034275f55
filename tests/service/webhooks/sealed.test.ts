import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { openSeal } from '../../../core/ports/seal.ts';
import { delaysMs } from '../../../core/service/webhooks/retry.ts';
import { tester, WebhookLab } from '../../support/webhook-lab.ts';
import { openWebhookReceiver } from '../../support/webhook-receiver.ts';

const key = () => randomBytes(32).toString('base64');

describe('the secrets that webhooks are signed with', () => {
  let lab: WebhookLab;

  before(async () => {
    lab = await WebhookLab.open();
  });
  afterEach(() => lab.stop());
  after(function () {
    return lab.fresh.drop(this);
  });

  async function stored() {
    const { rows } = await lab.pool.query<{ secret: Buffer; key_id: string | null }>(
      'SELECT secret, key_id FROM tutti.webhook_secret ORDER BY id',
    );
    return rows;
  }

  const bytesOf = (secret = '') => Buffer.from(secret.slice('whsec_'.length), 'base64');

  it('lie sealed in the database where a key is set, and sign as ever, the rotated ones, too', async () => {
    await using receiver = await openWebhookReceiver();
    lab.seal = openSeal({ TUTTI_SECRETS_KEY: key() });
    const id = await lab.add(receiver);
    const rotated = await lab.webhooks(receiver).rotate({ tenantId: 1, actor: tester }, id);
    receiver.secrets.push(rotated.secret);
    await lab.start([receiver]);
    await lab.run();
    await lab.told(receiver);

    const rows = await stored();
    assert.deepEqual(
      rows.map(({ key_id }) => key_id),
      [lab.seal.keyId, lab.seal.keyId],
    );
    for (const [at, { secret }] of rows.entries())
      assert.ok(!secret.includes(bytesOf(receiver.secrets[at])));
    assert.deepEqual(receiver.received[0]?.signedBy, [true, true]);
  });

  it('that lie there as they are, or under an older key, are sealed when deliveries begin', async () => {
    await using receiver = await openWebhookReceiver();
    await lab.add(receiver);
    const [clear] = await stored();
    assert.deepEqual([clear?.key_id, clear?.secret], [null, bytesOf(receiver.secrets[0])]);

    const [old, young] = [key(), key()];
    lab.seal = openSeal({ TUTTI_SECRETS_KEY: old });
    await (await lab.start([receiver])).close();
    assert.equal((await stored())[0]?.key_id, lab.seal.keyId);

    lab.seal = openSeal({ TUTTI_SECRETS_KEY: `${young} ${old}` });
    await (await lab.start([receiver])).close();
    lab.seal = openSeal({ TUTTI_SECRETS_KEY: young });
    await lab.start([receiver]);
    await lab.run();
    await lab.told(receiver);

    assert.equal((await stored())[0]?.key_id, lab.seal.keyId);
    assert.deepEqual(receiver.received[0]?.signedBy, [true]);
    assert.deepEqual(lab.errors, []);
  });

  it('whose key is missing send nothing, say so, hold nobody up, and go on when it is there', async () => {
    await using receiver = await openWebhookReceiver();
    await using other = await openWebhookReceiver();
    const mine = openSeal({ TUTTI_SECRETS_KEY: key() });
    lab.seal = mine;
    await lab.add(receiver);
    lab.seal = openSeal({});
    await lab.add(other);
    const without = await lab.start([receiver, other]);
    await lab.run();
    await lab.told(other);

    assert.equal(receiver.received.length, 0);
    const failed = (await lab.log.list(1, { limit: 10 })).find(({ state }) => state === 'pending');
    const { log } = await lab.log.get(1, failed?.id ?? '');
    assert.match(log[0]?.error ?? '', /sealed under key .* TUTTI_SECRETS_KEY/);

    await without.close();
    lab.seal = mine;
    await lab.start([receiver, other]);
    await lab.pass(delaysMs[1] ?? 0);

    assert.deepEqual(receiver.received[0]?.signedBy, [true]);
  });
});
