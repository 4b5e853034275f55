import assert from 'node:assert/strict';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { type ConsolePage, signIntoConsole } from '../../support/console-page.ts';
import { requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';

const config = new URL('../../support/fixtures/console.config.ts', import.meta.url);

describe('a run in the console whose line breaks', function () {
  this.timeout(180_000);
  let served: ServedApi;

  before(async () => {
    served = await serveHere({ config });
  });
  after(function () {
    return served.close(this);
  });

  it('is taken up after the last entry that came: none is missed and none comes twice', async () => {
    verifies('R11.dashboard', 'R11.live');
    const { tutti, ours: tenantId, server } = served;
    const request = requestOf('desk.pay', { tenantId, input: { vendor: 'ACME' } });
    const { id: runId } = await tutti.engine.startRun(request);
    const key = await served.key(tenantId, ['operator']);
    await using line = await ChaosProxy.open({ host: '127.0.0.1', port: server.port });
    const url = `http://127.0.0.1:${line.connection.port}`;
    await using page = await signIntoConsole(url, { key, place: `runs/${runId}` });
    await page.says('waiting 1');
    await page.says('live');
    const asker = { actor: { kind: 'person', id: 'test' } as const, tenantId, runId };
    await tutti.engine.ask({ ...asker, kind: 'pause' });
    await page.says('run.paused');

    line.cut();
    await page.says('connection lost, trying again');
    await tutti.engine.ask({ ...asker, kind: 'cancel' });
    line.restore();
    await page.says('run.ended');

    const shown = page
      .all('section tbody th')
      .map(({ textContent }) => /^(\d+) [a-z_]+\.[a-z_]+$/.exec(textContent)?.[1])
      .filter((seq) => seq !== undefined);
    const entries = await tutti.history.entries(tenantId, runId, 0);
    assert.deepEqual(shown, entries.map(({ seq }) => String(seq)).toReversed());
  });

  it('is not followed again where there is none', async () => {
    const { ours: tenantId, server } = served;
    const key = await served.key(tenantId, ['viewer']);
    await using page = await signIntoConsole(server.url, { key, place: 'runs' });
    const asked = watch(page);
    hasten(page);

    await page.go('runs/01890000-0000-7000-8000-000000000000');
    await page.says('RUN_UNKNOWN');
    const of = (path: string) => asked.filter((each) => each.includes(path)).length;
    await eventually(() => of('v1/runs/01890000-0000-7000-8000-000000000000') >= 5);

    assert.equal(of('v1/entries'), 1);
  });

  it('shows its steps again with the next entry after they could not be read', async () => {
    const { tutti, ours: tenantId, server } = served;
    const request = requestOf('desk.pay', { tenantId, input: { vendor: 'ACME' } });
    const { id: runId } = await tutti.engine.startRun(request);
    const key = await served.key(tenantId, ['operator']);
    await using page = await signIntoConsole(server.url, { key, place: 'runs' });
    let isAway = true;
    watch(page, (path) => isAway && path.includes('/steps?'));
    await page.go(`runs/${runId}`);
    await page.says('UNREACHABLE');
    await page.says('live');

    isAway = false;
    const asker = { actor: { kind: 'person', id: 'test' } as const, tenantId, runId };
    await tutti.engine.ask({ ...asker, kind: 'pause' });

    await page.says('waiting 1');
    assert.ok(!page.text().includes('UNREACHABLE'));
  });
});

interface Window {
  fetch: (input: unknown, init?: unknown) => Promise<unknown>;
}

/** Notes what a page asks for from now on; what `isLost` says does not reach the server. */
function watch(page: ConsolePage, isLost: (path: string) => boolean = () => false): string[] {
  const window = page.value('window') as Window;
  const { fetch } = window;
  const asked: string[] = [];
  window.fetch = async (input, init) => {
    asked.push(String(input));
    if (isLost(String(input))) throw new TypeError('It is away.');
    return fetch.call(window, input, init);
  };
  return asked;
}

/** Lets a page wait a hundredth of what it would. */
function hasten(page: ConsolePage): void {
  const window = page.value('window') as { setTimeout: (work: () => void, ms: number) => unknown };
  const { setTimeout } = window;
  window.setTimeout = (work, ms) => setTimeout.call(window, work, ms / 100);
}
