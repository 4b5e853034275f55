import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openHost } from '../../../bin/host.ts';
import { agentsOf } from '../../../bin/parts/agents-of.ts';
import { submitRun } from '../../../core/engine/submit.ts';
import { startCli } from '../../bin/cli.ts';
import { requestOf } from '../../support/engine.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';
import { actor, Desk, deskConfig, twoSteps } from './desk.ts';

describe('a run with an agent made at run time', () => {
  const desk = new Desk();
  const folder = scratchFolder({});

  before(() => desk.open());
  after(function () {
    folder[Symbol.dispose]();
    return desk.close(this);
  });

  it('goes on with its version after its engine was killed, although the agent was changed and deleted', async () => {
    verifies('R1.versions');
    await desk.start();
    const tenantId = await desk.tenant('ours');
    const speaking = { tenantId, actor };
    const one = { name: 'lasting', purpose: 'Answers.', instructions: 'Say ONE' };
    await desk.agents.create(speaking, one);
    await desk.publish(tenantId, twoSteps('custom.lasting'));
    await desk.tutti.close();

    const env = { DATABASE_URL: desk.fresh.url, ...desk.env };
    const config = fileURLToPath(deskConfig);
    const served = startCli({ cwd: folder.path, env }, [
      'serve',
      '--port',
      '0',
      '--config',
      config,
    ]);
    await served.says(/http:\/\//);
    const host = await openHost({
      ...{ configUrl: desk.configUrl, databaseUrl: desk.fresh.url },
      ...{ dataFolder: '/nonexistent', env: {} },
    });
    const request = requestOf('custom_lasting_twice', { tenantId, input: { task: 'hold' } });
    const { id: runId } = await submitRun(host.store, host.registry, request);
    await desk.held();
    served.child.kill('SIGKILL');
    await once(served.child, 'close');
    desk.gate.open();
    const agents = agentsOf(host);
    await agents.amend(speaking, 'lasting', { changes: { instructions: 'Say TWO' } });
    await agents.delete(speaking, 'lasting');
    await host.close();
    const before = desk.calls.length;
    await desk.start();

    await desk.held();
    desk.gate.open();
    const output = await desk.ended(tenantId, runId);

    assert.deepEqual(output, { first: 'ONE', second: 'ONE' });
    const later = desk.calls.slice(before).map(({ instructions }) => instructions);
    assert.ok(later.length > 0 && later.every((each) => each.includes('Say ONE')), String(later));
  });
});
