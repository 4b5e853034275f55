import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { History } from '../../core/engine/history/history.ts';
import type { RunHead, RunSummary } from '../../core/engine/history/views.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, shopConfig } from './cli.ts';

describe('the commands', () => {
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let place: Place;
  let history: History;
  let tenantId: number;
  /** The run of `tutti run nightly --json`. */
  let summary: RunSummary;
  let stderr: string;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    history = new History(fresh.database);
    const ended = await tutti('run', 'nightly', '--json', '--key', 'first');
    assert.equal(ended.code, 0, ended.stderr);
    summary = JSON.parse(ended.stdout) as RunSummary;
    stderr = ended.stderr;
    const run = fresh.database.kysely('tutti_engine').selectFrom('run').select('tenantId');
    tenantId = (await run.executeTakeFirstOrThrow()).tenantId;
  });

  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, [...args, '--config', shopConfig]);

  it('print the summary of a run as one JSON document, and what they do on standard error', async () => {
    verifies('R11.live');
    assert.deepEqual(summary, toJson(await history.summary(tenantId, summary.runId)));
    assert.equal(summary.status, 'succeeded');
    assert.equal(summary.findings, 4);
    assert.match(stderr, /nightly 100 %\s+4 of 4 agents/);
  });

  it('print each event once and in order while a run goes on, and again when it has ended', async () => {
    verifies('R11.live');
    const asked = ['run', 'nightly', '--json', '--events', '--key', 'told'] as const;
    const going = await tutti(...asked);
    const { runId } = JSON.parse(going.stdout) as RunSummary;
    const ended = await tutti(...asked);

    const entries = await history.entries(tenantId, runId, 0);
    for (const { stderr: told } of [going, ended]) {
      const lines = [...told.matchAll(/^ +(\d+) {2}([a-z_.]+)/gm)];
      assert.deepEqual(
        lines.map(([, seq, kind]) => [Number(seq), kind]),
        entries.map(({ seq, kind }) => [seq, kind]),
      );
      assert.doesNotMatch(told, /%/);
    }
  });

  it('print findings, proposals, runs and modules as one JSON document each', async () => {
    const [findings, proposals, runs, modules] = await Promise.all([
      tutti('findings', '--json', '--run', summary.runId),
      tutti('proposals', '--json'),
      tutti('runs', '--json'),
      tutti('modules', '--json'),
    ]);

    assert.deepEqual(
      JSON.parse(findings.stdout),
      toJson(await history.findings(tenantId, { runId: summary.runId })),
    );
    assert.deepEqual(JSON.parse(proposals.stdout), toJson(await history.proposals(tenantId)));
    assert.equal(JSON.parse(proposals.stdout).length, 4);
    assert.deepEqual(JSON.parse(runs.stdout), toJson(await history.runs(tenantId)));
    assert.equal(JSON.parse(modules.stdout)[0].version, '1.2.3');
    for (const ended of [findings, proposals, runs, modules]) {
      assert.deepEqual([ended.code, ended.stderr], [0, '']);
    }
  });

  it('answer a key that has a run with that run', async () => {
    verifies('R10.idempotency');
    const again = await tutti('run', 'nightly', '--json', '--key', 'first');

    assert.deepEqual([again.code, JSON.parse(again.stdout)], [0, summary]);
    const other = await tutti('run', 'nightly', '--key', 'first', '--input', '{"note":"other"}');
    assert.equal(other.code, 2);
    assert.match(other.stderr, /^KEY_REUSED: /);
  });

  it('end with 3 for a run that succeeded in part and with 1 for one that failed', async () => {
    const [partly, broken] = await Promise.all([
      tutti('run', 'partly', '--json'),
      tutti('run', 'broken'),
    ]);

    assert.deepEqual([partly.code, JSON.parse(partly.stdout).status], [3, 'partial']);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /Failed or degraded: 1\n {2}break: OUTPUT_INVALID: It <broke>\./);
  });

  it('say in one line what was called wrongly, and end with 2', async () => {
    verifies('R13.validate');
    const wrong: readonly (readonly [RegExp, ...string[]])[] = [
      [/no command 'nope'.*tutti help/, 'nope'],
      [/^WORKFLOW_UNKNOWN: .*'nope'.*nightly/, 'run', 'nope'],
      [/'nightly' does not take this input: note/, 'run', 'nightly', '--input', '{"note":1}'],
      [/no run 'abc'.*tutti runs/, 'findings', '--run', 'abc'],
      [/tutti priority takes a whole number from 1 to 10, not '11'/, 'priority', 'abc', '11'],
      [/^RUN_ENDED: /, 'priority', summary.runId, '9'],
      [/^MODULE_UNKNOWN: .*tutti modules/, 'modules', 'unload', 'nope'],
      [/^MODULE_CONFIGURED: /, 'modules', 'unload', 'shop'],
      [/^MODULE_NOT_LOADABLE: /, 'modules', 'load', 'nope'],
      [/^INPUT_INVALID: (?!.*workflow).*'none\.yaml'/, 'policy', 'check', 'none.yaml'],
      [/^INPUT_INVALID: (?!.*workflow).*'none\.yaml'/, 'agent', 'create', '--file', 'none.yaml'],
    ];
    const ended = await Promise.all(
      wrong.map(([, ...args]) =>
        runCli(place, args[0] === 'nope' ? args : [...args, '--config', shopConfig]),
      ),
    );

    for (const [index, [pattern]] of wrong.entries()) {
      const { code, stdout, stderr: said } = ended[index] ?? { code: 0, stdout: '', stderr: '' };
      assert.match(said, pattern);
      assert.match(said, /^[A-Z_]+: [^\n]+\n$/);
      assert.deepEqual([code, stdout], [2, '']);
    }
  });

  it('cancel no whole run where somebody has forgotten the step', async () => {
    verifies('R8.cancel');
    const { code, stdout, stderr } = await tutti('cancel', summary.runId, '--subtree');

    assert.match(stderr, /^INPUT_INVALID: tutti cancel takes --subtree with --step PATH/);
    assert.deepEqual([code, stdout], [2, '']);
  });

  it('end with 1 and the reason when the configuration or the database cannot be used', async () => {
    const down = { ...place, env: { DATABASE_URL: 'postgresql://127.0.0.1:1/none' } };
    const [missing, unreachable] = await Promise.all([
      runCli(place, ['runs', '--config', 'none.ts']),
      runCli(down, ['runs', '--config', shopConfig]),
    ]);

    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^CONFIG_INVALID: [^\n]*none\.ts[^\n]*\n$/);
    assert.equal(unreachable.code, 1);
    assert.match(unreachable.stderr, /^DB_UNAVAILABLE: [^\n]+\n$/);
  });

  it('write a report whose figures are those of the journal', async () => {
    verifies('R11.report');
    const ended = await tutti('run', 'nightly', '--json', '--report', 'night.html');
    const run = JSON.parse(ended.stdout) as RunSummary;

    const page = readFileSync(join(folder.path, 'night.html'), 'utf8');
    const figure = (name: string) =>
      Number(page.match(`data-figure="${name}" data-value="(\\d+)"`)?.[1]);
    const { findings, agents, toolCalls, recordsRead, durationMs, costMicroUsd } = run;
    assert.deepEqual(
      {
        findings: figure('findings'),
        agents: figure('agents'),
        toolCalls: figure('tool-calls'),
        recordsRead: figure('records-read'),
        durationMs: figure('duration-ms'),
        costMicroUsd: figure('cost-micro-usd'),
      },
      { findings, agents, toolCalls, recordsRead, durationMs, costMicroUsd },
    );
    const all = await history.findings(tenantId, { runId: run.runId });
    assert.deepEqual(
      [...page.matchAll(/data-finding="([^"]+)"/g)].map(([, id]) => id).sort(),
      all.map((finding) => finding.id).sort(),
    );
    assert.equal(page.match(/data-known="true"/g)?.length, 4);
  });

  it('help: every command tells its flags', async () => {
    const [all, run, version] = await Promise.all([
      runCli(place, []),
      runCli(place, ['run', '--help']),
      runCli(place, ['--version']),
    ]);

    for (const name of [
      'start',
      'serve',
      'run',
      'findings',
      'proposals',
      'runs',
      'modules',
      'doctor',
      'version',
    ]) {
      assert.match(all.stdout, new RegExp(`^ {2}${name} `, 'm'));
    }
    const wide = all.stdout.split('\n').filter((line) => line.length > 100);
    assert.deepEqual(wide, []);
    assert.match(run.stdout, /--key K.*--json/s);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.deepEqual([all.code, run.code, version.code], [0, 0, 0]);
  });
});

function toJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as RunHead;
}
