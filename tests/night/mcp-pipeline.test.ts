import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('./fixtures/mcp-pipeline.config.ts', import.meta.url);

/** A call as its server gets it. */
interface Arrived {
  readonly method?: string;
  readonly params: {
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

describe('the example of a pipeline over three servers of MCP', function () {
  this.timeout(180_000);
  const wires = scratchFolder({});
  const out = scratchFolder({});
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    process.env.TUTTI_TEST_WIRES = wires.path;
    process.env.TUTTI_EXAMPLE_OUT = out.path;
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('pipeline');
  });
  after(async function () {
    await tutti.close(this);
    for (const folder of [wires, out]) folder[Symbol.dispose]();
  });

  const linesOf = (server: string) =>
    readFileSync(join(wires.path, server), 'utf8').trimEnd().split('\n');
  const callsOf = (server: string) =>
    linesOf(server)
      .filter((line) => line !== 'started')
      .map((line) => JSON.parse(line) as Arrived)
      .filter(({ method }) => method === 'tools/call')
      .map(({ params }) => [params.name, params.arguments] as const);

  it('reads from one root, checks with another server, and saves into the other root', async () => {
    verifies('R14.examples', 'R5.mcp-client', 'R5.mcp-routing', 'R5.mcp-start');

    const { id, status } = await tutti.run('mcp_pipeline', { tenantId });

    assert.equal(status, 'succeeded');
    const saved = { path: 'summary.md', became: 'applied' };
    assert.deepEqual(await tutti.history.output(tenantId, id), saved);
    assert.deepEqual(readdirSync(out.path), ['summary.md']);
    assert.equal(
      readFileSync(join(out.path, 'summary.md'), 'utf8'),
      '# Summary of 3 reports\n\nrevenue: 111000\ncost: 78800\nmargin: 32200\n',
    );
  });

  it('has started one process for each server, and told none of them where calls were to go', () => {
    verifies('R3.single-start', 'R5.routing-parameters');
    const servers = ['fs_in', 'everything', 'fs_out'] as const;

    const started = servers.map((server) => linesOf(server).filter((line) => line === 'started'));

    assert.deepEqual(started, [['started'], ['started'], ['started']]);
    const reports = ['north.md', 'south.md', 'west.md'];
    const [inside, between, outside] = servers.map(callsOf);
    assert.deepEqual(
      inside?.toSorted(([, a], [, b]) => String(a.path).localeCompare(String(b.path))),
      reports.map((path) => ['read_text_file', { path }]),
    );
    assert.deepEqual(between, [['get-sum', { a: 111_000, b: -78_800 }]]);
    assert.deepEqual(
      outside?.map(([name, args]) => [name, Object.keys(args)]),
      [['write_file', ['path', 'content']]],
    );
    assert.doesNotMatch(servers.flatMap(linesOf).join('\n'), /fs_in|fs_out|everything/);
  });
});
