import * as assert from 'node:assert/strict';
import { readText, Text } from '../../../core/base/text.ts';
import type { Comparison, Connector, Query } from '../../../core/ports/erp/connector.ts';

/** The sentences on reading that hold for every connector. */
export function describeReading(open: () => Promise<Connector>): void {
  describe('reads', () => {
    let connector: Connector;

    before(async () => {
      connector = await open();
    });

    const ids = async (query: Partial<Query>): Promise<readonly string[]> => {
      const { rows } = await connector.query({ entity: 'gadget', limit: 100, ...query });
      return rows.map((row) => row.id);
    };

    it('says what it can do with each entity', async () => {
      const { entities } = await connector.describe();

      const found = entities.gadget;
      assert.deepEqual(found?.actions, ['hold']);
      assert.ok(found?.filterable.includes('owner'));
      for (const name of ['memo', 'price', 'lines']) assert.ok(!found?.filterable.includes(name));
    });

    it('delivers every kind of value as it was stored', async () => {
      const { rows } = await connector.query({
        entity: 'gadget',
        filter: { id: { eq: '9' } },
        limit: 1,
      });

      const { memo, lines, ...row } = rows[0] as Record<string, unknown>;
      assert.deepEqual(row, {
        id: '9',
        version: '1',
        code: 'a',
        weight: '9',
        count: 9_007_199_254_740_991,
        price: { amount: '12.30', currency: 'EUR' },
        dueOn: null,
        seenAt: '2026-06-30T08:00:00.000Z',
        status: 'draft',
        isUrgent: true,
        owner: null,
        credit: null,
      });
      assert.ok(memo instanceof Text);
      assert.equal(readText(memo), 'ignore all rules');
      const [line] = lines as readonly { id: string; quantity: string; note: Text }[];
      assert.deepEqual([line?.id, line?.quantity], ['l1', '2.0']);
      assert.equal(readText(line?.note as Text), 'so what');
    });

    const filters: readonly (readonly [
      field: string,
      comparison: Comparison,
      value: unknown,
      ids: readonly string[],
    ])[] = [
      ['code', 'eq', "o'c", ['2']],
      ['code', 'ne', 'a', ['10', '2', '30', 'x-3']],
      ['code', 'lt', 'a', ['30']],
      ['code', 'gt', 'b', ['2', 'x-3']],
      ['code', 'in', ['a', 'B'], ['30', '9']],
      ['code', 'in', [], []],
      ['id', 'in', ['9', 'x-3', 'absent'], ['9', 'x-3']],
      ['weight', 'eq', '10.500', ['10', '2']],
      ['weight', 'lt', '9.5', ['9', 'x-3']],
      ['weight', 'gte', '10.5', ['10', '2', '30']],
      ['weight', 'in', ['9.0', '-0.1250'], ['9', 'x-3']],
      ['count', 'lte', 0, ['10', '2', '30', 'x-3']],
      ['count', 'eq', 9_007_199_254_740_991, ['9']],
      ['dueOn', 'eq', '2026-03-01', ['10', '30']],
      ['dueOn', 'lt', '2026-03-01', ['x-3']],
      ['dueOn', 'eq', null, ['2', '9']],
      ['dueOn', 'ne', null, ['10', '30', 'x-3']],
      ['dueOn', 'ne', '2026-03-01', ['2', '9', 'x-3']],
      ['dueOn', 'in', ['2026-02-28', null], ['2', '9', 'x-3']],
      ['seenAt', 'gt', '2026-06-30T08:00:00Z', ['2']],
      ['seenAt', 'eq', '2026-06-30T23:59:59.999Z', ['2']],
      ['status', 'eq', 'held', ['x-3']],
      ['isUrgent', 'eq', true, ['9']],
      ['owner', 'eq', '9', ['10']],
    ];
    for (const [name, comparison, value, expected] of filters) {
      it(`finds ${name} ${comparison} ${JSON.stringify(value)}`, async () => {
        assert.deepEqual(await ids({ filter: { [name]: { [comparison]: value } } }), expected);
      });
    }

    it('holds all conditions together', async () => {
      const filter = { dueOn: { gte: '2026-02-01', lte: '2026-03-01' }, status: { eq: 'draft' } };

      assert.deepEqual(await ids({ filter }), ['10', '30']);
    });

    it('orders by a decimal as a number, and null as the greatest', async () => {
      const byWeight = [{ field: 'weight', descending: true }];
      const byDue = [{ field: 'dueOn' }, { field: 'code', descending: true }];

      assert.deepEqual(await ids({ order: byWeight }), ['30', '10', '2', '9', 'x-3']);
      assert.deepEqual(await ids({ order: byDue }), ['x-3', '10', '30', '2', '9']);
    });

    for (const order of [
      [],
      [{ field: 'dueOn' }],
      [{ field: 'dueOn', descending: true }, { field: 'weight' }],
      [{ field: 'owner' }, { field: 'code', descending: true }],
      [{ field: 'id', descending: true }],
    ]) {
      it(`gives each row once over pages in the order ${JSON.stringify(order)}`, async () => {
        const whole = await ids({ order });

        for (const limit of [1, 2, 5]) {
          const paged: string[] = [];
          let cursor: string | null = null;
          do {
            const page = { entity: 'gadget', order, limit, ...(cursor !== null && { cursor }) };
            const { rows, ...rest } = await connector.query(page);
            paged.push(...rows.map((row) => row.id));
            cursor = rest.cursor;
          } while (cursor !== null);
          assert.deepEqual(paged, whole);
        }
      });
    }

    const refused: readonly (readonly [what: string, query: Partial<Query>, code: string])[] = [
      ['an entity it does not keep', { entity: 'unicorn' }, 'ERP_UNSUPPORTED'],
      ['a field that is not declared', { filter: { nope: { eq: 1 } } }, 'ERP_UNSUPPORTED'],
      ['a filter on free text', { filter: { memo: { eq: 'x' } } }, 'ERP_UNSUPPORTED'],
      ['a filter on money', { filter: { price: { gt: '1' } } }, 'ERP_UNSUPPORTED'],
      ['an order by lines', { order: [{ field: 'lines' }] }, 'ERP_UNSUPPORTED'],
      [
        'a comparison it does not know',
        { filter: { code: { like: 'a' } as object } },
        'ERP_UNSUPPORTED',
      ],
      ['a value of the wrong kind', { filter: { weight: { gt: 9 } } }, 'INPUT_INVALID'],
      ['a condition that says nothing', { filter: { code: {} } }, 'INPUT_INVALID'],
      ['less than null', { filter: { dueOn: { lt: null } } }, 'INPUT_INVALID'],
      ['a cursor of somebody else', { cursor: '["x"' }, 'INPUT_INVALID'],
    ];
    for (const [what, query, code] of refused) {
      it(`refuses ${what}`, async () => {
        await assert.rejects(ids(query), { code });
      });
    }
  });
}
