import assert from 'node:assert/strict';
import type { StepContent } from '../../core/engine/history/step-contents.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, runCli } from './cli.ts';

const config = fixtureConfig('echo');

describe('tutti steps', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let engine: TestEngine;
  let runId: string;

  before(async () => {
    engine = await openTestEngine(new URL(`file://${config}`));
    const tenantId = await engine.host.store.tenant('ours');
    runId = (await engine.run('stumble', { tenantId })).id;
  });
  after(async function () {
    folder[Symbol.dispose]();
    await engine.close(this);
  });

  const tutti = (...args: string[]) =>
    runCli({ cwd: folder.path, env: { DATABASE_URL: engine.fresh.url } }, [
      ...['steps', ...args],
      ...['--config', config],
    ]);

  it('lists what the steps of a run have come to', async () => {
    const { stdout, code } = await tutti(runId);

    assert.equal(code, 0);
    assert.match(stdout, /^say +echo\.say +succeeded +1 /m);
    assert.match(stdout, /^fail +echo\.fail +failed +1 .*OUTPUT_INVALID$/m);
    assert.match(stdout, /^after +echo\.fail +skipped$/m);
  });

  it('shows what one of them was given, has brought, and how often it was tried', async () => {
    verifies('R9.history');
    const told = await tutti(runId, 'say');
    const json = await tutti(runId, 'say', '--json');
    const failed = await tutti(runId, 'fail');
    const unknown = await tutti(runId, 'nowhere');

    const { input, output } = JSON.parse(json.stdout) as StepContent;
    assert.deepEqual(input, { state: 'there', value: { value: 'alone' } });
    assert.deepEqual(output, input);
    assert.match(told.stdout, /^say \(echo\.say\): succeeded; its output is '\w+'\.$/m);
    assert.match(failed.stdout, /^fail \(echo\.fail\): failed\.$/m);
    assert.match(told.stdout, /Input\n\{\n {2}"value": "alone"\n\}\n\nOutput\n/);
    assert.match(told.stdout, /1 attempt\n1 {2}succeeded /);
    assert.match(failed.stdout, /OUTPUT_INVALID: It fails by design\./);
    assert.match(failed.stdout, /Output\nNone\./);
    assert.deepEqual([unknown.code, /STEP_UNKNOWN/.test(unknown.stderr)], [2, true]);
  });
});
