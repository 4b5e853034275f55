import assert from 'node:assert/strict';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import { type ConsolePage, openConsolePage, signIntoConsole } from '../../support/console-page.ts';
import { requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

import { type ServedApi, serveHere } from '../identity/served.ts';

const config = new URL('../../support/fixtures/console.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'test' } as const;
const markup = '<img src=x onerror="globalThis.wasRun = true">';

describe('the console', function () {
  this.timeout(180_000);
  let served: ServedApi;
  let page: ConsolePage;
  let looked: string;

  before(async () => {
    served = await serveHere({ config });
    looked = (await served.tutti.run('desk.look', { tenantId: served.ours })).id;
  });
  after(function () {
    return served.close(this);
  });
  afterEach(async () => await page[Symbol.asyncDispose]());

  /** Opens the console and signs in. */
  async function signedIn(
    roles: Parameters<ServedApi['key']>[1],
    place = '',
    modules: readonly string[] | null = null,
  ): Promise<void> {
    const key = await served.key(served.ours, roles, { person: 'anna', modules });
    page = await signIntoConsole(served.server.url, { key, place });
  }

  const store = () =>
    new Approvals(served.tutti.host.database.pool('tutti_engine', 1), {
      controller: ['anna', 'ben'],
    });
  const hashOf = () => (page.value('location') as { readonly hash: string }).hash;

  /** Starts a run that asks a person; resolves when it asks. */
  async function asked(vendor = 'ACME'): Promise<{ readonly runId: string; readonly id: string }> {
    const { tutti, ours: tenantId } = served;
    const request = requestOf('desk.pay', { tenantId, input: { vendor } });
    const { id: runId } = await tutti.engine.startRun(request);
    const approvals = new Approvals(tutti.host.database.pool('tutti_engine', 1), {});
    let id: string | undefined;
    await eventually(async () => {
      id = (await approvals.list(tenantId, { limit: 1, runId }))[0]?.id;
      return id !== undefined;
    });
    return { runId, id: id ?? '' };
  }

  it('asks for a key, refuses one that does not count, and keeps a good one nowhere', async () => {
    verifies('R11.dashboard');
    const key = await served.key(served.ours, ['viewer']);
    page = await openConsolePage(served.server.url);
    await page.says('Sign in with an API key');
    await page.write('#key', `${key}x`);
    await page.press('Sign in', 'form');
    await page.says('UNAUTHENTICATED');

    await page.write('#key', key);
    await page.press('Sign in', 'form');
    await page.says('Sign out');

    for (const store of ['sessionStorage', 'localStorage'])
      assert.equal((page.value(store) as { readonly length: number }).length, 0);
    await page.reload();
    await page.says('Overview');
    await page.press('Sign out');
    await page.says('Sign in with an API key');
    await page.reload();
    await page.says('Sign in with an API key');
  });

  it('shows how the installation is, and what needs somebody', async () => {
    verifies('R11.dashboard');
    await signedIn(['viewer']);

    await page.says('1 run ended in part in the last day.');
    await page.says('1 alive');
    await page.says('desk.look');
    assert.ok(!page.text().includes('for a person’s decision'));

    await asked();
    await page.reload();
    await page.says('1 approval waits for a person’s decision.');
    const ways = page.all('.concerns a').map((each) => each.getAttribute('href'));
    assert.ok(ways.includes('#/approvals'), String(ways));
    await page.press('of no module 1', '.concerns');
    await page.says(`Pay ${markup}?`);
  });

  it('lists runs, narrowed as the address says, also after it is loaded again', async () => {
    verifies('R11.dashboard');
    await signedIn(['viewer'], 'runs?status=partial');
    await page.says('desk.look');

    await page.go('runs?status=cancelled');
    await page.says('No run is like that.');
    await page.reload();
    await page.says('No run is like that.');
  });

  it('does not tell who may see some modules only that there is no run at all', async () => {
    verifies('R11.dashboard');
    await signedIn(['viewer'], 'runs', ['elsewhere']);
    await page.says('There is no run yet of the modules and companies that you may see.');
  });

  it('shows the steps of a run with what failed first, and a step with its tries and entries', async () => {
    verifies('R11.dashboard');
    await signedIn(['viewer'], `runs/${looked}`);
    await page.says('1 succeeded, 1 failed, 0 skipped of 2 steps');
    await page.says('run.ended');
    await page.says('failed 1');
    const groups = page.all('details.group summary').map(({ textContent }) => textContent);
    assert.deepEqual(groups, ['failed 1', 'succeeded 1']);

    await page.press('fail', 'details.group');
    await page.says('Given');
    await page.says('step.failed');

    const tries = page.all('tbody')[0]?.textContent ?? '';
    assert.ok(tries.startsWith('1failed') && tries.includes('OUTPUT_INVALID'), tries);
  });

  it('takes no text from outside for markup', async () => {
    verifies('R11.dashboard');
    await signedIn(['viewer'], 'findings');
    await page.says(`Odd is ${markup}.`);
    await page.says('1,234,567.80 EUR');
    await page.go(`runs/${looked}`);
    await page.says(`It is ${markup}.`);
    const { id } = await asked();
    await page.go(`approvals/${id}`);
    await page.says(`Pay ${markup}?`);

    assert.deepEqual(page.all('img'), []);
    assert.equal(page.value('wasRun'), undefined);
  });

  it('writes an amount with the decimals of its currency, and all that it has', async () => {
    verifies('R11.dashboard');
    await signedIn(['viewer'], 'findings');
    await page.says('1,234,567.80 EUR');

    const amounts = page
      .all('tbody td')
      .flatMap(({ textContent }) => (/ [A-Z]{3}$/.test(textContent) ? [textContent] : []));

    assert.deepEqual(amounts.sort(), [
      '-14,876.00 USD',
      '0.12345 EUR',
      '1,234,567.80 EUR',
      '14,875.20 USD',
      '14,877 JPY',
      '14,878.500 KWD',
    ]);
  });

  it('takes the word of a person on what is shown to them', async () => {
    verifies('R11.dashboard');
    const { id } = await asked();
    await signedIn(['approver'], 'approvals');
    await page.press(`Pay ${markup}?`, 'table');
    await page.says('vendor.name');
    await page.says('anna · ours');
    await page.write('.decision textarea', 'Fine with me.');
    await page.press('Approve', '.decision');
    await page.press('Approve', 'dialog[open]');
    await page.says('granted');
    await page.says('Fine with me.');
    const { activeElement, title } = page.value('document') as {
      readonly activeElement: { readonly tagName: string } | null;
      readonly title: string;
    };
    assert.equal(activeElement?.tagName, 'H1');
    assert.equal(title, `${id} · Approvals · Tutti`);

    const approvals = new Approvals(served.tutti.host.database.pool('tutti_engine', 1), {});
    const { state, votes } = await approvals.find(served.ours, id);
    assert.deepEqual(
      [state, votes[0]?.person, votes[0]?.note],
      ['granted', 'anna', 'Fine with me.'],
    );
  });

  it('shows beside a question what the tool does and what the agent has found, as text', async () => {
    verifies('R11.dashboard');
    const { id: runId } = await served.tutti.run('desk.mend', { tenantId: served.ours });
    const [question] = await store().list(served.ours, { limit: 1, runId });

    await signedIn(['approver'], `approvals/${question?.id}`);

    await page.says('Evens out what is odd.');
    await page.says(`Uneven is ${markup}.`);
    await page.says('value.uneven');
    assert.equal(page.value('wasRun'), undefined);
  });

  it('shows a run while it goes on, and steers it', async () => {
    verifies('R11.dashboard');
    const { runId, id } = await asked();
    await signedIn(['operator'], `runs/${runId}`);
    await page.says('live');
    await page.says('waiting 1');
    await page.press('Pause', '.head');
    await page.press('Pause', 'dialog[open]');
    await page.says('Resume');
    await page.press('Resume', '.head');
    await page.press('Resume', 'dialog[open]');
    await page.says('Pause');

    await new Approvals(served.tutti.host.database.pool('tutti_engine', 1), {
      controller: ['anna'],
    }).decide({ tenantId: served.ours, id, decision: 'granted', person: 'anna', via: 'test' });

    // Nobody has asked for it again: the entries came by themselves.
    await page.says('2 succeeded, 0 failed, 0 skipped of 2 steps');
    await page.says('run.ended');
    const groups = () => page.all('details.group summary').map(({ textContent }) => textContent);
    await eventually(() => groups().join() === 'succeeded 2');
  });

  it('gives nobody a button that is not theirs, and shows why something is refused', async () => {
    verifies('R11.dashboard');
    const { runId, id } = await asked();
    await signedIn(['viewer'], `runs/${runId}`);
    await page.says('waiting 1');
    assert.ok(!/Pause|Cancel run/.test(page.text()));
    await page.go(`approvals/${id}`);
    await page.says('may not decide');
    await page.go('runs/01890000-0000-7000-8000-000000000000');
    await page.says('RUN_UNKNOWN');
  });

  it('tells whoever decided too late that their word did not count, also once the question is closed', async () => {
    verifies('R11.dashboard');
    const { id } = await asked();
    await signedIn(['approver'], `approvals/${id}`);
    const isAnswered = asking(page);
    await page.write('.decision textarea', 'Fine with me.');
    // Nobody looks: the page is read no further until somebody does, but for what it has just asked for.
    const document = page.value('document') as object;
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    await eventually(isAnswered);
    await store().decide({
      ...{ tenantId: served.ours, id, decision: 'refused', note: 'Not with me.' },
      ...{ person: 'ben', via: 'test' },
    });

    await page.press('Approve', '.decision');
    await page.press('Approve', 'dialog[open]');
    await page.says('APPROVAL_CLOSED');
    Object.defineProperty(document, 'hidden', { value: false, configurable: true });
    await page.says('Not with me.');

    assert.deepEqual(page.all('.decision'), []);
    assert.match(page.text(), /APPROVAL_CLOSED .* was refused by ben/);
  });

  it('takes no refusal without a note', async () => {
    const { id } = await asked();
    await signedIn(['approver'], `approvals/${id}`);
    await page.press('Refuse', '.decision');
    await page.says('Write a note that says why first.');
    const confirm = () => page.all('dialog[open] .grave')[0];
    assert.ok(confirm()?.hasAttribute('disabled'));

    await page.write('.decision textarea', 'Not with me.');
    await eventually(() => !confirm()?.hasAttribute('disabled'));
  });

  it('says before a decision that it would not count, and who may decide', async () => {
    const { id } = await asked();
    await signedIn(['approver'], `approvals/${id}`);
    await page.says('Note (a refusal needs one)');
    assert.ok(!page.text().includes('none of those who may decide'));
    await page[Symbol.asyncDispose]();

    const key = await served.key(served.ours, ['approver'], { person: 'rita' });
    page = await signIntoConsole(served.server.url, { key, place: `approvals/${id}` });
    await page.says('rita is none of those who may decide (anna, ben)');
  });

  it('lists questions with what they are about, but for the end of a long text', async () => {
    await asked();
    await asked('x'.repeat(1_000));
    await signedIn(['viewer'], 'approvals');
    await page.says(`note ${markup} · vendor.name ACME`);

    const [newest = ''] = page.all('tbody th').map(({ textContent }) => textContent);
    assert.ok(newest.endsWith('xxx…') && newest.length < 400, newest);
  });

  it('tells how long something took without a unit that is full', async () => {
    const pool = served.tutti.host.database.pool('tutti_engine', 1);
    const took = async (ms: number, text: string) => {
      await pool.query(
        `UPDATE tutti.run SET ended_at = created_at + $2 * interval '1 ms' WHERE id = $1`,
        [looked, ms],
      );
      await page.reload();
      await eventually(() => page.all('td.number').some((each) => each.textContent === text));
    };
    await signedIn(['viewer'], 'runs?status=partial');
    await took(59_960, '1 min 0 s');
    await took(3_599_700, '1 h 0 min');
  });

  it('leads from one question to the next one that is open', async () => {
    const [older, newer] = [await asked(), await asked()];
    await signedIn(['approver'], `approvals/${newer.id}`);
    await page.says('Next open question');
    const next = () => page.all('.next a')[0]?.getAttribute('href');
    assert.equal(next(), `#/approvals/${older.id}`);
  });

  it('tells somebody whose session has ended that it has, and goes on where they were', async () => {
    const key = await served.key(served.ours, ['viewer']);
    page = await signIntoConsole(served.server.url, { key, place: 'runs' });
    await page.says('desk.look');
    await served.identity.sessions.end({ tenantId: served.ours }, actor);

    await page.says('SESSION_ENDED');
    await page.write('#key', key);
    await page.press('Sign in', 'form');

    await page.says('Business date');
    assert.ok(!page.text().includes('SESSION_ENDED'));
  });

  it('finds the findings of a kind by its name', async () => {
    await signedIn(['viewer'], 'findings?kind=none.such');
    await page.says('No finding is like that');
    await page.go('findings');
    await page.press('value.odd');
    await eventually(() => hashOf().includes('kind=value.odd'));
    await page.says(`Odd is ${markup}.`);
  });

  it('offers the words that a list may be narrowed by', async () => {
    await signedIn(['viewer'], 'findings');
    const offered = () => page.all('datalist option').map((each) => each.getAttribute('value'));
    await eventually(() => offered().includes('value.odd'));
    assert.deepEqual(offered(), ['desk', 'value.odd', 'value.uneven']);

    await page.write('.filters label:nth-of-type(5) input', 'value.odd');
    await eventually(() => hashOf().includes('kind=value.odd'));
  });
});

interface Window {
  fetch: (input: unknown, init?: unknown) => Promise<unknown>;
}

/** Says whether all has been answered that a page has asked for since. */
function asking(page: ConsolePage): () => boolean {
  const window = page.value('window') as Window;
  const { fetch } = window;
  let open = 0;
  window.fetch = async (input, init) => {
    open += 1;
    return fetch.call(window, input, init).finally(() => {
      open -= 1;
    });
  };
  return () => open === 0;
}
