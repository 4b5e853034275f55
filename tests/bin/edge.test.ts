import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { runProcess } from './cli.ts';

const hook = new URL('fixtures/no-network.mjs', import.meta.url).href;
const config = fileURLToPath(new URL('../../tutti.config.ts', import.meta.url));

describe('a small machine without network', function () {
  this.timeout(300_000);

  it('refuses what would leave it', () => {
    using folder = scratchFolder({});
    const env = { NETWORK_LOG: join(folder.path, 'network.log') };
    const asking = `await fetch('http://example.com/').catch(({ cause }) => console.log(cause.code))`;

    const said = execFileSync(process.execPath, ['--import', hook, '--eval', asking], { env });

    assert.equal(String(said), 'ENETUNREACH\n');
    assert.match(readFileSync(env.NETWORK_LOG, 'utf8'), /^asked for example\.com:80$/m);
  });

  it('runs a whole night on one thread, with the embedded database and without a key, and asks for nothing outside', async () => {
    verifies('R13.edge');
    using folder = scratchFolder({});
    const log = join(folder.path, 'network.log');
    const place = {
      cwd: folder.path,
      env: {
        ...{ TUTTI_THREADS: '1', TUTTI_PORT: '0', NETWORK_LOG: log },
        NODE_OPTIONS: `--import=${hook} --max-old-space-size=256`,
      },
    };

    const { code, stdout, stderr } = await runProcess(place, [
      ...['start', '--exit', '--config', config],
    ]);

    assert.equal(code, 0, stdout + stderr);
    assert.ok(existsSync(join(folder.path, 'report.html')));
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const asked = lines.filter((line) => line.startsWith('asked'));
    assert.deepEqual(asked, []);
    assert.ok(lines.includes('process') && lines.includes('thread'), 'both are without network');
  });
});
