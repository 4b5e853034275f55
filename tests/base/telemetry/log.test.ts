import assert from 'node:assert/strict';
import { type LogOptions, openLog } from '../../../core/base/telemetry/log.ts';
import { Scrubber } from '../../../core/base/telemetry/scrub.ts';
import { verifies } from '../../support/verifies.ts';

async function lines(
  env: LogOptions['env'],
  options: { readonly isScreen: boolean } = { isScreen: false },
): Promise<readonly string[]> {
  const written: string[] = [];
  const write = (line: string) => void written.push(line);
  const log = await openLog({ env, ...options, scrubber: new Scrubber(env), write });
  const runId = '01890a5d-ac96-774b-bcce-b302099a8057';
  log.info('A run has ended.', { runId, tenantId: 7 });
  const error = Object.assign(new Error('broken'), { detail: 'Key (email)=(a@b.c) exists' });
  log.warn('A step has failed.', { runId, step: 'check', tenantId: 7, code: 'TOOL_FAILED', error });
  log.debug('A detail.', { token: 'short' });
  return written;
}

describe('the log', () => {
  it('is JSON for programs, with the ids of run, step, tenant and trace, and quiet when all is well', async () => {
    verifies('R11.logs');

    const [line, ...more] = (await lines({})).map((each) => JSON.parse(each));

    assert.deepEqual(more, []);
    assert.equal(line.level, 'warn');
    assert.equal(line.message, 'A step has failed.');
    assert.equal(line.traceId, '01890a5dac96774bbcceb302099a8057');
    assert.deepEqual(
      [line.runId.length, line.step, line.tenantId, line.code],
      [36, 'check', 7, 'TOOL_FAILED'],
    );
    assert.match(line.time, /^\d{4}-\d\d-\d\dT/);
  });

  it('tells of an error what Tutti says, and nothing that a library hangs onto it', async () => {
    const text = (await lines({})).join('');

    assert.match(text, /broken/);
    assert.ok(!text.includes('a@b.c'));
  });

  it('takes its level and its form from the environment', async () => {
    const all = await lines({ TUTTI_LOG_LEVEL: 'debug', TUTTI_LOG: 'pretty' });

    assert.equal(all.length, 3);
    assert.match(
      all[0] ?? '',
      /^info: A run has ended\. runId=01890a5d.* traceId=01890a5dac96774b/,
    );
    assert.match(all[1] ?? '', /^warn: A step has failed\..*\n {2}Error: broken/);
    assert.deepEqual(await lines({ TUTTI_LOG: 'off' }), []);
    assert.match((await lines({}, { isScreen: true })).join(''), /^warn: A step/);
  });

  it('takes secrets out by their place', async () => {
    const all = await lines({ TUTTI_LOG_LEVEL: 'debug' });

    assert.match(all[2] ?? '', /"token":"\[redacted\]"/);
  });
});
