import assert from 'node:assert/strict';
import { followRun, type Source } from '../../../core/service/console/api/events.ts';
import { problemOf } from '../../../core/service/console/api/problem.ts';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { signIntoConsole } from '../../support/console-page.ts';
import { requestOf } from '../../support/engine.ts';
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

  it('is not asked for again where there is none', async () => {
    const { ours: tenantId, server } = served;
    const key = await served.key(tenantId, ['viewer']);
    const unknown = '01890000-0000-7000-8000-000000000000';
    const paths: string[] = [];
    const client: Source = {
      async get(path: string): Promise<never> {
        paths.push(path);
        const headers = { authorization: `Bearer ${key}` };
        throw await problemOf(await fetch(`${server.url}/${path}`, { headers }));
      },
      open: () => assert.fail('There is nothing to follow.'),
    };
    const lines: string[] = [];
    const told = (): never => assert.fail('There is nothing to tell.');

    await followRun(client, unknown, {
      ...{ onKnown: told, onEntries: told, signal: new AbortController().signal },
      onLine: (line) => lines.push(line),
    });

    assert.deepEqual([paths.length, lines], [1, ['connecting', 'ended']]);
  });
});
