import assert from 'node:assert/strict';
import { hookSecrets } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';
import { ContractLab } from './contract/lab.ts';
import { needsOf } from './contract/requests.ts';

/** What of a caller's credentials must be repeated nowhere. */
const wrong = 'tutti_canary00_7f3b1d5e9a2c4f6081b3d5e7f9a1c3e5';

describe('secrets of the API', () => {
  let lab: ContractLab;
  const errors: unknown[] = [];
  const secrets = new Map<string, string>(Object.entries(hookSecrets));

  before(async () => {
    lab = await ContractLab.open({ onError: (error) => errors.push(error) });
    const { key, secret } = await lab.make('/v1/keys', { name: 'canary', roles: ['viewer'] });
    const { id } = key as { readonly id: string };
    secrets.set('key', String(secret));
    const rotated = await lab.make(`/v1/keys/${id}/rotate`, {});
    secrets.set('key, rotated', String(rotated.secret));
    const url = 'http://127.0.0.1:9/hook';
    const { webhook, secret: first } = await lab.make('/v1/webhooks', { url });
    secrets.set('webhook', String(first));
    const { id: endpoint } = webhook as { readonly id: string };
    const { secret: second } = await lab.make(`/v1/webhooks/${endpoint}/rotate`, {});
    secrets.set('webhook, rotated', String(second));
    await lab.make(`/v1/webhooks/${endpoint}/ping`, {});
    await lab.erpEvent();
    secrets.set('credential that is wrong', wrong);
    for (const [name, secret] of secrets) assert.ok(secret.length > 16, name);
  });
  after(async function () {
    await lab.close(this);
  });

  const found = (text: string): readonly string[] =>
    [...secrets].flatMap(([name, secret]) =>
      [secret, secret.replace(/^\w+?_/, ''), encodeURIComponent(secret)].some((each) =>
        text.includes(each),
      )
        ? [name]
        : [],
    );

  it('are in no answer after the one that gives them', async () => {
    verifies('R12.secrets');
    const leaks: string[] = [];
    let asked = 0;
    for (const [path, { get }] of Object.entries(lab.document.paths)) {
      if (!get || /event-stream/.test(JSON.stringify(get.responses['200'] ?? ''))) continue;
      const { path: parts = {}, query = '' } = await needsOf(lab, `GET ${path}`);
      const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
        encodeURIComponent(parts[name] ?? 'x'),
      );
      const answer = await lab.ask('GET', filled + query);
      const text = (await answer.text()) + JSON.stringify([...answer.headers]);
      asked += 1;
      leaks.push(...found(text).map((name) => `${path}: ${name}`));
    }

    assert.ok(asked > 40, `${asked} asked`);
    assert.deepEqual(leaks, []);
  });

  it('are in no problem, whatever was wrong with the request that had them', async () => {
    const authorization = `Bearer ${wrong}`;
    const token = hookSecrets.ODOO_TOKEN;
    const answers = await Promise.all([
      lab.ask('GET', '/v1/runs', { headers: { authorization } }),
      lab.ask('POST', '/v1/runs', { headers: { authorization }, body: { workflow: wrong } }),
      lab.ask('PUT', '/v1/settings/budget:tenant', { headers: { authorization }, body: 1 }),
      lab.ask('GET', `/v1/runs?token=${wrong}`),
      lab.ask('GET', '/v1/runs', { headers: { authorization: wrong } }),
      lab.ask('GET', '/v1/runs', { headers: { authorization: `Basic ${btoa(`a:${wrong}`)}` } }),
      lab.ask('POST', `/v1/hooks/odoo?token=${token}`, {
        ...{ body: {}, headers: { 'content-type': 'text/plain' } },
      }),
      lab.ask('POST', `/v1/hooks/odoo?token=${token}x`, { body: {} }),
      lab.ask('POST', `/v1/hooks/none?token=${token}`, { body: {} }),
      lab.ask('POST', '/mcp', { headers: { authorization }, body: {} }),
    ]);

    for (const answer of answers) {
      const text = (await answer.text()) + JSON.stringify([...answer.headers]);
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.url}: ${text}`);
      assert.deepEqual(found(text), [], `${answer.url}: ${text}`);
    }
  });

  it('are in no row, but the signing secrets of webhooks where they sign', async () => {
    const words = await lab.tutti.host.database.admin(async (client) => {
      const tables = await client.query<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'tutti'`,
      );
      const texts: string[] = [];
      for (const { name } of tables.rows) {
        const { rows } = await client.query<{ text: string }>(
          `SELECT t::text AS text FROM ${name} AS t`,
        );
        texts.push(...rows.map(({ text }) => text));
      }
      return texts.join('\n');
    });

    assert.match(words, /key\.rotate/);
    assert.deepEqual(found(words), []);
    assert.deepEqual(found(errors.map((error) => JSON.stringify(error)).join()), []);
  });
});
