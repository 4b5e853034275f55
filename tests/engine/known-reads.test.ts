import assert from 'node:assert/strict';
import { insertRows } from '../../core/ports/erp/embedded/insert.ts';
import { openTestEngine } from '../support/engine.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';

interface Looked {
  readonly node: string;
  readonly workers: number;
  readonly steps: number;
  readonly price: string;
  readonly known: number;
}

const berths = Array.from({ length: 40 }, (_, index) => ({ id: `b${index}` }));

/** A season: 40 agents on two threads look the tariff up before it is raised, and 40 after that. */
async function aSeason(context: Mocha.Context, how: string): Promise<readonly Looked[]> {
  const config = new URL('../support/fixtures/known-reads.config.ts', import.meta.url);
  const tutti = await openTestEngine(`${config}${how}`);
  try {
    const tenantId = await tutti.host.store.tenant('harbour');
    const entities = [...tutti.host.registry.entities.values()];
    const rows = new Map([['tariff', [{ id: 't1', code: 'berth', price: 10 }]]]);
    await tutti.fresh.database.admin((client) => insertRows(client, { tenantId, entities, rows }));

    const run = await tutti.run('harbour.season', { tenantId, input: { berths, price: 12 } });

    assert.equal(run.status, 'succeeded');
    return await queryAll<Looked>(
      tutti.fresh.database,
      `SELECT s.node, count(DISTINCT a.worker)::int AS workers, count(*)::int AS steps, string_agg(DISTINCT convert_from(p.body, 'UTF8'), ' ') AS price,
         sum(coalesce((e.data->>'knownReads')::int, 0))::int AS known
       FROM tutti.step s JOIN tutti.attempt a ON a.run_id = s.run_id AND a.step = s.id
       JOIN tutti.entry e ON e.run_id = s.run_id AND e.step = s.id AND e.kind = 'tool.called'
       JOIN tutti.entry o ON o.run_id = s.run_id AND o.step = s.id AND o.kind = 'step.succeeded'
       JOIN tutti.payload p ON p.run_id = o.run_id AND p.seq = o.seq
       WHERE s.run_id = '${run.id}' AND s.node <> 'change' GROUP BY 1 ORDER BY min(s.id)`,
    );
  } finally {
    await tutti.close(context);
  }
}

describe('80 agents that read the same record', () => {
  it('ask the ERP once a thread, and again once one of them has written to it', async function () {
    verifies('R9.caching');
    const looked = await aSeason(this.test?.ctx as Mocha.Context, '');

    assert.deepEqual(
      looked.map(({ node, steps, price }) => [node, steps, price]),
      [
        ['before', 40, '{"price":10}'],
        ['after', 40, '{"price":12}'],
      ],
    );
    // The second thread may come too late for one of them.
    for (const { workers, known } of looked) {
      assert.ok(workers === 1 || workers === 2, String(workers));
      assert.equal(known, 40 - workers);
    }
  });

  it('ask it each where the configuration says so', async function () {
    const looked = await aSeason(this.test?.ctx as Mocha.Context, '?off');

    assert.deepEqual(
      looked.map(({ known, price }) => [known, price]),
      [
        [0, '{"price":10}'],
        [0, '{"price":12}'],
      ],
    );
  });
});
