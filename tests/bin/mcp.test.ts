import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, type Place, runCli } from './cli.ts';

const config = fileURLToPath(new URL('../support/fixtures/mcp-servers.config.ts', import.meta.url));

describe('the commands on MCP servers', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  const words = path.join(folder.path, 'words');
  let fresh: FreshDatabase;
  let place: Place;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    writeFileSync(words, 'Gives back what it gets.');
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, ['mcp', ...args, '--config', config]);

  it('show what is started, in full, without the values of variables', async () => {
    const { code, stdout } = await tutti('servers');

    assert.equal(code, 0);
    assert.match(stdout, /^tools +stdio +\S*node\S* \S+mcp-tools\.ts$/m);
    assert.match(stdout, /^broken +stdio +no-such-program 'it is' 'not there'$/m);
    assert.match(stdout, /^2 MCP servers configured\.$/m);
    assert.ok(!stdout.includes('not to be shown'));
  });

  it('say so where none is configured', async () => {
    const none = fixtureConfig('lab');
    const { code, stdout } = await runCli(place, ['mcp', 'servers', '--config', none]);
    const json = await runCli(place, ['mcp', 'servers', '--json', '--config', none]);

    assert.deepEqual(
      [code, stdout],
      [0, 'No MCP server is configured; add them under mcp.servers.\n'],
    );
    assert.deepEqual([json.code, JSON.parse(json.stdout)], [0, []]);
  });

  it('start each and say which is there', async () => {
    const { code, stdout } = await tutti('check');

    assert.equal(code, 1);
    assert.match(stdout, /^tools +ok +fixture 1\.0\.0, protocol 2026-07-28$/m);
    assert.match(stdout, /^broken +failed +MCP server 'broken' cannot be reached: .*ENOENT/m);
  });

  it('show tools, what has changed of them, and accept that in a name', async () => {
    verifies('R5.mcp-pins');
    assert.match((await tutti('tools', 'tools')).stdout, /^echo +new +Gives back/m);
    assert.match((await tutti('accept', 'tools', '--as', 'anna')).stdout, /^anna accepted echo,/m);
    assert.equal((await tutti('accept', 'tools')).stdout, 'Nothing had changed.\n');

    writeFileSync(words, 'Sends it away.');
    const shown = await tutti('tools', 'tools');
    const accepted = await tutti('accept', 'tools', 'echo', '--as', 'ben');

    assert.match(shown.stdout, /^echo +changed/m);
    assert.match(shown.stdout, /description\n {2}- "Gives back what it gets\."\n {2}\+ "Sends it/);
    assert.match(shown.stdout, /1 changed\.$/m);
    assert.match(accepted.stdout, /^ben accepted echo of tools\.$/m);
    const views = JSON.parse((await tutti('tools', 'tools', '--json')).stdout) as readonly {
      readonly tool: string;
      readonly pin: { readonly by: string };
    }[];
    assert.match(views.find(({ tool }) => tool === 'echo')?.pin.by ?? '', /^cli:./);
  });

  it('say what is wrong with how they are called', async () => {
    const wrong = [
      ['nothing'],
      ['tools'],
      ['accept'],
      ['tools', 'nowhere'],
      ['accept', 'tools', 'x'],
    ];
    for (const args of wrong) {
      const { code, stderr } = await tutti(...args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    }
  });
});
