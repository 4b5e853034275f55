import assert from 'node:assert/strict';
import { EngineError } from 'tutti';
import { runTool, testOutside } from 'tutti/testing';
import { queryDatabase } from '../../../modules/general/tools/query-database.ts';
import { verifies } from '../../support/verifies.ts';

describe('the tool that queries a database', () => {
  it('hands a statement and its parameters on, and answers with columns and rows', async () => {
    verifies('R5.plug-ins');
    const world = testOutside({ databases: { books: () => [{ id: 1, title: 'Tutti' }] } });
    const args = { database: 'books', sql: 'SELECT * FROM book WHERE id = $1', parameters: [1] };

    const run = await runTool(queryDatabase, args, { outside: world.of });

    assert.ok(run.kind === 'result');
    assert.deepEqual(run.value, {
      columns: ['id', 'title'],
      rows: [{ id: 1, title: 'Tutti' }],
      isCut: false,
    });
    assert.deepEqual(world.queries, [args]);
  });

  it('tells its caller why there is no answer', async () => {
    const refuse = () => {
      throw new EngineError('QUERY_REFUSED', 'No such column.');
    };
    const world = testOutside({ databases: { books: refuse } });
    const codeOf = async (database: string) => {
      const run = await runTool(
        queryDatabase,
        { database, sql: 'SELECT 1', parameters: [] },
        { outside: world.of },
      );
      return run.kind === 'error' ? run.error.code : run.kind;
    };

    assert.deepEqual(
      [await codeOf('books'), await codeOf('cars')],
      ['QUERY_REFUSED', 'DATABASE_UNKNOWN'],
    );
  });
});
