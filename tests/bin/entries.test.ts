import assert from 'node:assert/strict';
import type { FoundEntry } from '../../core/engine/history/history.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Ended, fixtureConfig, type Place, runCli, startCli } from './cli.ts';

const config = ['--config', fixtureConfig('echo')];

describe('tutti entries', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let place: Place;
  let ran: Ended;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    const logging = { ...place, env: { ...place.env, TUTTI_LOG: 'json' } };
    ran = await startCli(logging, ['run', 'stumble', ...config]).ended;
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  it('searches the journal', async () => {
    verifies('R11.log-search');
    const coded = await runCli(place, ['entries', '--code', 'OUTPUT_INVALID', ...config]);
    const none = await runCli(place, ['entries', '--agent', 'echo.hold', ...config]);
    const json = await runCli(place, ['entries', '--tool', 'echo.value.read', '--json', ...config]);

    assert.match(coded.stdout, /\d{4}-\d\d-\d\d .* step\.failed +fail +echo\.fail +\{"error":/);
    assert.match(none.stdout, /^No entry fits\.$/m);
    const [entry] = JSON.parse(json.stdout) as readonly FoundEntry[];
    assert.deepEqual([entry?.kind, entry?.agent, entry?.path], ['tool.called', 'echo.say', 'say']);
  });

  it('has beside it a log in lines of JSON that name run, step, agent and code', () => {
    verifies('R11.log-search', 'R11.logs');
    const lines = ran.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);

    const failed = lines.filter(({ message }) => message === 'A step has failed.');

    assert.deepEqual(
      failed.map(({ step, agent, code, workflow }) => [step, agent, code, workflow]),
      [['fail', 'echo.fail', 'OUTPUT_INVALID', 'stumble']],
    );
    assert.match(String(failed[0]?.runId), /^[0-9a-f-]{36}$/);
  });
});
