import assert from 'node:assert/strict';
import { type RawBuilder, sql } from 'kysely';
import { factsOf } from '../../../core/engine/adoption/adoption.ts';
import { keptGraph } from '../../../core/engine/adoption/kept-graph.ts';
import { recover } from '../../../core/engine/adoption/recover.ts';
import { isAgentPlace } from '../../../core/engine/graph/compiled.ts';
import { History } from '../../../core/engine/history/history.ts';
import { type Content, StepContents } from '../../../core/engine/history/step-contents.ts';
import { inputOf } from '../../../core/engine/loop/launcher.ts';
import { Run } from '../../../core/engine/run/run.ts';
import { pathOf, type Step } from '../../../core/engine/run/step.ts';
import type { RunRow } from '../../../core/engine/store/store.ts';
import { keepVault, vaultOf } from '../../../core/ports/db/vault.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/contents.config.ts', import.meta.url);
const vendors = ['one', 'other', 'third'];
const rowsOf = (count: number, amount = (at: number) => at + 1) =>
  Array.from({ length: count }, (_, at) => {
    return { id: `r${at}`, vendor: vendors[at % 3], amount: amount(at) };
  });

describe('what a step worked on', () => {
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    const fresh = await booksDatabase();
    // Tables this small are rather read from end to end, however few rows of them are wanted.
    await fresh.database.admin((client) =>
      client.query(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); END $$",
      ),
    );
    tutti = await openTestEngine(config, { fresh });
    tenantId = await tutti.host.store.tenant('ours');
  });
  after(async function () {
    await tutti.close();
    await tutti.fresh.drop(this);
  });

  /** A run as its machine comes to be where the whole journal is folded. */
  async function folded(runId: string) {
    const { store, registry } = tutti.host;
    const row = (await store.run(tenantId, runId)) as RunRow;
    const { graph, agents } = await keptGraph({ store, registry }, row);
    const history = await store.history(tenantId, runId);
    // One that lets no output go: what it brings at its end is made of all of them.
    const all = { ...graph.outputSources, nodes: [...graph.places.keys()] };
    const run = new Run(factsOf(row, history[0]), { ...graph, outputSources: all });
    recover(run, { history, ...(await store.steps(tenantId, runId)) }, 0);
    return { run, agents };
  }

  /** What a step was given, by the machine; undefined: nothing. */
  function givenTo(step: Step, { run, agents }: Awaited<ReturnType<typeof folded>>): unknown {
    const { place, status, kind } = step;
    if (['pending', 'skipped'].includes(status)) return undefined;
    const registered = isAgentPlace(place) && agents.get(place.agent);
    if (registered) return inputOf(run, step, registered);
    if (kind !== 'foreach') return undefined;
    const items = run.steps.flatMap(({ item }) => (item?.container.step === step ? [item] : []));
    const values = [...new Set(items)].flatMap(({ value }) => value);
    return values.toSorted((a, b) => numberIn(a) - numberIn(b));
  }

  const numberIn = (value: unknown): number =>
    Number((value as { readonly id: string }).id.slice(1));
  const shown = (content: Content): unknown =>
    content.state === 'there' ? content.value : content;
  const none = { state: 'none' };

  for (const { name, input } of [
    { name: 'a run that went well', input: { rows: rowsOf(7), limit: 5 } },
    { name: 'items that failed', input: { rows: rowsOf(7, (at) => at * 40 - 20), limit: 3 } },
    { name: 'what was skipped', input: { rows: rowsOf(2), limit: 50 } },
    { name: 'no items', input: { rows: [], limit: 5 } },
  ])
    it(`is what its machine gave it and got of it, for every step: ${name}`, async () => {
      verifies('R9.history');
      const { id: runId } = await tutti.run('books', { tenantId, input });
      const machine = await folded(runId);
      const contents = new StepContents(tutti.host);

      for (const step of machine.run.steps) {
        const path = pathOf(step);
        const content = await contents.read({ tenantId, runId, step: path });
        const output = step.status === 'succeeded' && step.kind !== 'gate' ? step.output : none;

        assert.deepEqual(shown(content.input), givenTo(step, machine) ?? none, `${path}: input`);
        assert.deepEqual(shown(content.output), output, `${path}: output`);
      }
    });

  it('is read without what the step did not see: of a large run as little as of a small one', async () => {
    const paths = ['size', 'added/sum[r1]', 'added/named[r1]'];
    const costs = [];
    for (const count of [5, 150]) {
      const input = { rows: rowsOf(count), limit: 5 };
      const { id: runId } = await tutti.run('books', { tenantId, input });
      // What the planner knows of the tables after an autovacuum, which comes when it likes.
      await tutti.fresh.database.admin((client) => client.query('ANALYZE'));
      const counted = counting();
      const history = new History(counted.database);
      const contents = new StepContents({ ...tutti.host, database: counted.database, history });
      for (const step of paths) await contents.read({ tenantId, runId, step });
      costs.push(counted.seen());
    }

    const [small, large] = costs;
    assert.ok(small && large);
    assert.equal(large.reads, small.reads);
    // The large run has 145 items, 700 steps and 2,000 entries more.
    assert.ok(large.rows < small.rows + 145, `${small.rows} and ${large.rows} rows`);
  });

  /** A database that counts the reads, and the rows that PostgreSQL looks at for them. */
  function counting() {
    let [reads, rows] = [0, 0];
    const { database: real } = tutti.host;
    const database = {
      async rowsOf<T>(tenant: number, query: RawBuilder<T>): Promise<readonly T[]> {
        const [plan] = await real.rowsOf(
          tenant,
          sql<object>`EXPLAIN (ANALYZE, FORMAT JSON) ${query}`,
        );
        reads += 1;
        rows += lookedAt(plan);
        return real.rowsOf(tenant, query);
      },
    };
    keepVault(database, vaultOf(real));
    return { database, seen: () => ({ reads, rows }) };
  }
});

/** Rows that the scans of a plan looked at, those included that were of no use. */
function lookedAt(plan: unknown): number {
  if (plan === null || typeof plan !== 'object') return 0;
  const below = Object.values(plan).reduce((sum: number, each) => sum + lookedAt(each), 0);
  const figures = new Map(
    Object.entries(plan).map(([name, value]) => [name.toLowerCase().replaceAll(/\W/g, ''), value]),
  );
  if (!figures.has('nodetype') || figures.has('plans')) return below;
  const figure = (name: string) => Number(figures.get(name) ?? 0);
  return (figure('actualrows') + figure('rowsremovedbyfilter')) * figure('actualloops');
}
