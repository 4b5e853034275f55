import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { searchEntries } from '../../../core/engine/history/entry-search.ts';
import type { FoundEntry } from '../../../core/engine/history/history.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { json, problem } from './api.ts';

interface List {
  readonly items: readonly FoundEntry[];
  readonly next: string | null;
}

describe('/v1/entries', () => {
  let served: ServedApi;
  let ours: string;
  const ids: string[] = [];

  before(async () => {
    served = await serveHere();
    ours = await served.key(served.ours, ['viewer']);
    const { tutti } = served;
    for (const workflow of ['chorus', 'stumble', 'chorus']) {
      const input = workflow === 'chorus' ? { values: ['a', 'b'] } : {};
      ids.push((await tutti.run(workflow, { tenantId: served.ours, input })).id);
    }
    await tutti.run('stumble', { tenantId: served.theirs });
  });
  after(async function () {
    await served.close(this);
  });

  const page = async (query: string, key = ours) =>
    json<List>(await served.ask(`/v1/entries?${query}`, key));
  const search = async (query: string, key = ours) => (await page(query, key)).items;

  it('finds by agent, tool, code and kind, over all runs of the tenant', async () => {
    verifies('R11.log-search', 'R12.tenancy');
    const coded = await search('code=OUTPUT_INVALID');
    const byAgent = await search('agent=echo.say&kind=step.succeeded');
    const byTool = await search('tool=echo.note.propose&kind=tool.called');

    assert.deepEqual(
      coded.map(({ runId, kind, path, agent }) => [runId, kind, path, agent]),
      [[ids[1], 'step.failed', 'fail', 'echo.fail']],
    );
    assert.deepEqual(
      byAgent.map(({ runId, path }) => [runId, path]).sort(),
      [
        [ids[0], 'voices[a]'],
        [ids[0], 'voices[b]'],
        [ids[1], 'say'],
        [ids[2], 'voices[a]'],
        [ids[2], 'voices[b]'],
      ].sort(),
    );
    assert.equal(byTool.length, 5);
    assert.ok(byTool.every(({ data }) => data.tool === 'echo.note.propose'));
    assert.deepEqual(await search('agent=echo.say&code=OUTPUT_INVALID'), []);
  });

  it('finds all of a run, the newest first', async () => {
    verifies('R11.log-search');
    const all = await search(`run=${ids[0]}&limit=1000`);
    const stored = await served.tutti.history.entries(served.ours, ids[0] as string, 0);

    assert.deepEqual(
      all.map(({ seq }) => seq),
      stored.map(({ seq }) => seq).reverse(),
    );
    assert.deepEqual(all.at(-1)?.path, null);
    await problem(await served.ask('/v1/entries?run=none', ours), 404, 'RUN_UNKNOWN');
  });

  it('brings each entry once over its pages', async () => {
    const whole = await search('limit=1000');
    const found: FoundEntry[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const { items, next: following } = await page(`limit=7${next && `&cursor=${next}`}`);
      found.push(...items);
      next = following;
    }

    assert.ok(whole.length > 30, `${whole.length} entries`);
    assert.deepEqual(found, whole);
  });

  it('finds what was written since a moment', async () => {
    const [first] = await search(`run=${ids[2]}&kind=run.created`);
    // Moments are told in milliseconds: in the same one may lie the end of the run before.
    const after = new Date(Date.parse(String(first?.at)) + 1).toISOString();
    const since = await search(`since=${after}&limit=1000`);

    assert.deepEqual([...new Set(since.map(({ runId }) => runId))], [ids[2]]);
    assert.deepEqual(await search('since=2100-01-01'), []);
  });

  it('shows who may touch some modules the entries of their runs alone', async () => {
    const ofEcho = await served.key(served.ours, ['viewer'], { modules: ['echo'] });

    // These workflows are of no module.
    assert.deepEqual(await search('limit=1000', ofEcho), []);
  });

  it('goes by keys however much there is', async () => {
    const { database } = served.tutti.host;
    const asked = { since: new Date(0), limit: 100, code: 'OUTPUT_INVALID' };
    const plan = await database.asTenant(served.ours, async (transaction) => {
      await sql`SET LOCAL enable_seqscan = off`.execute(transaction);
      const query = searchEntries(served.ours, asked);
      const { rows } = await sql<Readonly<Record<string, string>>>`EXPLAIN ${query}`.execute(
        transaction,
      );
      return rows.flatMap((row) => Object.values(row)).join('\n');
    });

    assert.match(plan, /Index Scan (Backward )?using entry_\w+_pkey/);
    assert.match(plan, /Index Cond: \(\(tenant_id = \d+\) AND \(run_id = r\.id\)\)/);
    assert.doesNotMatch(plan, /Seq Scan on entry/);
  });
});
