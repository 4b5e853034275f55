import assert from 'node:assert/strict';
import { type ConsolePage, openConsolePage } from '../../support/console-page.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';

const config = new URL('../../support/fixtures/model.config.ts', import.meta.url);

describe('money in the console', function () {
  this.timeout(180_000);
  let served: ServedApi;
  let page: ConsolePage;

  before(async () => {
    // Whoever is on this machine needs no key here.
    served = await serveHere({ config, api: {} });
    const items = [{ id: 'a' }, { id: 'b' }];
    const { ours: tenantId, tutti } = served;
    assert.equal((await tutti.run('lab.ask', { tenantId, input: { items } })).status, 'succeeded');
    // Midnight may come in the middle of a test.
    await new LedgerRows(tutti.host.database).spendOnBothDays(tenantId);
    page = await openConsolePage(served.server.url, 'costs');
  });
  after(async function () {
    await page[Symbol.asyncDispose]();
    await served.close(this);
  });

  it('shows what was spent, reserved and allowed, by purse and by module', async () => {
    verifies('R11.dashboard');
    const costs = (await (await fetch(`${served.server.url}/v1/costs?by=module`)).json()) as {
      readonly total: { readonly costMicroUsd: number; readonly calls: number };
    };
    const spent = `$${(costs.total.costMicroUsd / 1e6).toFixed(4)}`;
    await page.says('module:lab');
    await page.says('lab100 %');

    const rows = page.all('tbody tr').map(({ textContent }) => textContent);

    assert.ok(costs.total.costMicroUsd > 0);
    assert.ok(
      rows.some((row) => row.startsWith('tenant') && row.includes(`${spent}$0.00$0.1000`)),
      rows.join('\\n'),
    );
    assert.ok(
      rows.some((row) => row.startsWith(`lab100 %${spent}${costs.total.calls}`)),
      rows.join('\\n'),
    );
  });

  it('lets who needs no key here look at the page to sign in, and go on without one', async () => {
    await page.says('module:lab');
    await page.press('Sign in');
    await page.says('Sign in with an API key');
    await page.press('Go on as local');
    await page.says('module:lab');
  });

  it('shows limits and what is used of them, and stops what it is told to stop', async () => {
    verifies('R11.dashboard');
    await page.go('limits');
    await page.says('house');
    await page.says('0 of 3 at once');
    await page.says('Nothing is stopped.');
    await page.press('Stop agents');
    await page.write('dialog[open] input', 'module:lab');
    await page.press('Stop agents', 'dialog[open]');
    await page.says('module:lab');
    const stops = (await (await fetch(`${served.server.url}/v1/stops`)).json()) as {
      readonly items: readonly { readonly reach: string }[];
    };
    assert.deepEqual(
      stops.items.map(({ reach }) => reach),
      ['module:lab'],
    );

    assert.ok(page.all('[aria-label="Lift: module:lab"]').length === 1);
    await page.press('Lift');
    await page.press('Lift', 'dialog[open]');
    await page.says('Nothing is stopped.');
  });
});
