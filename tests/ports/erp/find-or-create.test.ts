import * as assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EngineError } from '../../../core/base/errors.ts';
import type { Connector } from '../../../core/ports/erp/connector.ts';
import {
  embeddedConnector,
  insertRows,
  prepareEmbedded,
} from '../../../core/ports/erp/embedded.ts';
import { memoryConnector } from '../../../core/ports/erp/memory.ts';
import { erpFor } from '../../../core/ports/erp/records.ts';
import type { Row } from '../../../core/sdk/entity.ts';
import type { Erp } from '../../../core/sdk/erp.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { aGadget, conformanceRows, gadget, order } from './gadgets.ts';

type Gadget = Row<'gadget'>;

const entities = [gadget, order];
const known = new Map(entities.map((each) => [each.name, each]));

/** The helpers of one call; each call of these tests has a key of its own. */
function callOf(connector: Connector, key: string = randomUUID()): Erp {
  return erpFor(connector, { entities: known, key: () => key, onRead: () => {} });
}

/** What a new gadget holds beside its code. */
const { code: _, ...fields } = aGadget({ code: '' }) as Omit<Gadget, 'id' | 'version'>;

/** One call for the gadget of a code; those that are held were thrown away. */
function draft({ gadget: gadgets }: Erp, code = 'new'): Promise<Gadget> {
  return gadgets.findOrCreate(
    { code },
    (there) => there.find(({ status }) => status === 'draft') ?? fields,
  );
}

/** The connector, for so many calls that have all looked before the first of them writes. */
function atOnce(connector: Connector, callers: number): Connector {
  const { promise: allHaveLooked, resolve } = Promise.withResolvers<void>();
  let looks = 0;
  return {
    ...connector,
    query: async (query, options) => {
      const page = await connector.query(query, options);
      looks += 1;
      if (looks === callers) resolve();
      return page;
    },
    apply: async (command, options) => {
      await allHaveLooked;
      return await connector.apply(command, options);
    },
  };
}

/** As many calls at the same moment. */
async function together(connector: Connector, callers: number): Promise<readonly string[]> {
  const shared = atOnce(connector, callers);
  const made = await Promise.all(Array.from({ length: callers }, () => draft(callOf(shared))));
  return made.map(({ id }) => id);
}

const throwAway = async (connector: Connector, id: string): Promise<void> => {
  const outcome = await connector.apply(
    { entity: 'gadget', op: 'act', id, action: 'hold', data: { code: 'new' } },
    { key: `throw away ${id}` },
  );
  assert.equal(outcome.kind, 'applied');
};

const all = async (connector: Connector): Promise<readonly string[]> => {
  const filter = { code: { eq: 'new' } };
  const { rows } = await connector.query({ entity: 'gadget', filter, limit: 100 });
  return rows.map(({ id }) => id);
};

describe('findOrCreate', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let tenants = 0;

  before(async () => {
    fresh = await freshDatabase();
    await fresh.database.admin((client) => prepareEmbedded(client, entities));
  });

  after(function () {
    return fresh.drop(this);
  });

  const embedded = async (): Promise<Connector> => {
    tenants += 1;
    const tenantId = tenants;
    const pool = fresh.database.pool('tutti_tenant', 4);
    const client = await pool.connect();
    await client.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`);
    await insertRows(client, { tenantId, entities, rows: conformanceRows() });
    await client.query('COMMIT');
    client.release();
    return embeddedConnector({ pool, entities, tenantId });
  };
  const inMemory = async (): Promise<Connector> => memoryConnector(entities, conformanceRows());

  for (const [name, open] of Object.entries({ embedded, inMemory })) {
    describe(`over the connector: ${name}`, () => {
      let connector: Connector;

      beforeEach(async () => {
        connector = await open();
      });

      it('makes one record for all who look at the same moment, and tells each of that one', async () => {
        const ids = await together(connector, 4);

        assert.equal(new Set(ids).size, 1);
        assert.deepEqual(await all(connector), [ids[0]]);
      });

      it('gives the record that stands, as it is, and writes nothing', async () => {
        const first = await draft(callOf(connector));
        const raised = {
          entity: 'gadget',
          op: 'update',
          id: first.id,
          data: { count: 7 },
        } as const;
        await connector.apply(raised, { key: 'raised' });

        const { id, version, count } = await draft(callOf(connector));

        assert.deepEqual([id, version, count], [first.id, '2', 7]);
        assert.deepEqual(await all(connector), [first.id]);
      });

      it('makes another one when the last was thrown away, one only for all who look then', async () => {
        const [first = ''] = await together(connector, 2);
        await throwAway(connector, first);
        const [second = ''] = await together(connector, 2);
        await throwAway(connector, second);

        const ids = await together(connector, 3);

        assert.equal(new Set([first, second, ...ids]).size, 3);
        assert.equal((await all(connector)).length, 3);
      });

      it('makes none beside what came since it looked, also where that took the place of one thrown away', async () => {
        const looked = Promise.withResolvers<void>();
        const mayWrite = Promise.withResolvers<void>();
        const slow: Connector = {
          ...connector,
          query: async (query) => {
            const page = await connector.query(query);
            looked.resolve();
            return page;
          },
          apply: async (...command) => {
            await mayWrite.promise;
            return await connector.apply(...command);
          },
        };
        const late = draft(callOf(slow));
        await looked.promise;
        const first = await draft(callOf(connector));
        await throwAway(connector, first.id);
        const second = await draft(callOf(connector));
        mayWrite.resolve();

        assert.equal((await late).id, second.id);
        assert.deepEqual(await all(connector), [first.id, second.id]);
      });

      for (const moment of ['between look and write', 'between write and answer'] as const) {
        it(`makes one record when its first try died ${moment}`, async () => {
          verifies('R8.crash');
          const died = new EngineError('ERP_UNAVAILABLE', 'The connection broke.');
          const dying: Connector = {
            ...connector,
            apply: async (...command) => {
              if (moment === 'between write and answer') await connector.apply(...command);
              throw died;
            },
          };
          await assert.rejects(draft(callOf(dying, 'own')), died);

          const { id } = await draft(callOf(connector, 'own'));

          assert.deepEqual(await all(connector), [id]);
        });
      }

      it('is refused by who chooses, also when another call was faster', async () => {
        const shared = atOnce(connector, 2);
        const one = ({ gadget: gadgets }: Erp) =>
          gadgets.findOrCreate({ code: 'new' }, (there) => {
            if (there.length === 0) return fields;
            throw new EngineError('ERP_REJECTED', 'There is one.');
          });

        const ends = await Promise.allSettled([one(callOf(shared)), one(callOf(shared))]);

        assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
        assert.equal((await all(connector)).length, 1);
      });

      it('is about the same in whatever order the fields are named', async () => {
        const shared = atOnce(connector, 2);
        const { count: __, ...rest } = fields;
        const first = (there: readonly Gadget[]) => there[0] ?? rest;

        const made = await Promise.all([
          callOf(shared).gadget.findOrCreate({ code: 'new', count: 3 }, first),
          callOf(shared).gadget.findOrCreate({ count: 3, code: 'new' }, first),
        ]);

        assert.equal(made[1].id, made[0].id);
        assert.deepEqual([made[0].code, made[0].count], ['new', 3]);
      });

      it('goes on where a record that it met was deleted in the ERP', async () => {
        const first = await draft(callOf(connector));
        const without: Connector = {
          ...connector,
          query: async (query) => {
            const { rows, cursor } = await connector.query(query);
            return { rows: rows.filter(({ id }) => id !== first.id), cursor };
          },
        };

        const second = await draft(callOf(without));
        const third = await draft(callOf(without));

        assert.notEqual(second.id, first.id);
        assert.equal(third.id, second.id);
      });
    });
  }

  it('keeps no two apart who write at the same moment where repeats are unsafe, and gives one of theirs from then on', async () => {
    const memory = await inMemory();
    const forgetful: Connector = {
      ...memory,
      describe: async () => ({ ...(await memory.describe()), repeats: 'unsafe' }),
      apply: (command, { key }) => memory.apply(command, { key: `${key} ${randomUUID()}` }),
    };

    const [first] = await together(forgetful, 2);
    const later = [await draft(callOf(forgetful)), await draft(callOf(forgetful))];

    assert.deepEqual(
      later.map(({ id }) => id),
      [first, first],
    );
    assert.equal((await all(forgetful)).length, 2);
  });

  it('writes nothing for a tool that only reads', async () => {
    const connector = await inMemory();

    await assert.rejects(draft(callOf(connector, '')), { code: 'TOOL_REFUSED' });

    assert.deepEqual(await all(connector), []);
  });
});
