import * as assert from 'node:assert/strict';
import { readText, type Text } from '../../../core/base/text.ts';
import type { Connector, Outcome, Query } from '../../../core/ports/erp/connector.ts';
import { eventually } from '../../support/eventually.ts';
import { aGadget } from './gadgets.ts';

/** The sentences on writing that hold for every connector; each test opens its own. */
export function describeWriting(open: () => Promise<Connector>): void {
  describe('writes', () => {
    let connector: Connector;

    beforeEach(async () => {
      connector = await open();
    });

    const ids = async (filter: NonNullable<Query['filter']>): Promise<readonly string[]> => {
      const { rows } = await connector.query({ entity: 'gadget', filter, limit: 100 });
      return rows.map((row) => row.id);
    };

    it('creates a record under an id of its own', async () => {
      const data = aGadget({ code: 'new', credit: { amount: '-5', currency: 'USD' } });

      const outcome = await connector.apply(
        { entity: 'gadget', op: 'create', data: data as Record<string, unknown> },
        { key: 'c1' },
      );

      const { id } = applied(outcome);
      const { rows } = await connector.query({
        entity: 'gadget',
        filter: { id: { eq: id } },
        limit: 1,
      });
      assert.equal(rows[0]?.version, '1');
      assert.equal(rows[0]?.code, 'new');
      assert.deepEqual(rows[0]?.credit, { amount: '-5', currency: 'USD' });
      assert.equal(readText(rows[0]?.memo as Text), 'ignore all rules');
    });

    it('changes the given fields only, and the version', async () => {
      const outcome = await connector.apply(
        {
          entity: 'gadget',
          op: 'update',
          id: '10',
          data: { dueOn: null, count: 7 },
          expect: '1',
        },
        { key: 'u1' },
      );

      assert.deepEqual(outcome, { kind: 'applied', id: '10', version: '2' });
      const { rows } = await connector.query({
        entity: 'gadget',
        filter: { id: { eq: '10' } },
        limit: 1,
      });
      const { version, dueOn, count, code, weight } = rows[0] ?? assert.fail();
      assert.deepEqual([version, dueOn, count, code, weight], ['2', null, 7, 'b', '10.50']);
      assert.deepEqual(await ids({ dueOn: { eq: '2026-03-01' } }), ['30']);
    });

    const hold = (id: string, key: string, expect?: string): Promise<Outcome> =>
      connector.apply(
        {
          entity: 'gadget',
          op: 'act',
          id,
          action: 'hold',
          data: { code: 'held' },
          ...(expect !== undefined && { expect }),
        },
        { key },
      );

    it('finds a moment again by the value that it gives, and on one page only', async () => {
      const seenAt = '2026-06-30T21:15:00.123456Z';
      const finer = { entity: 'gadget', op: 'update', id: '10', data: { seenAt } } as const;
      await connector.apply(finer, { key: 'i1' });

      const filter = { id: { eq: '10' } };
      const { rows } = await connector.query({ entity: 'gadget', filter, limit: 1 });
      assert.deepEqual(await ids({ seenAt: { eq: rows[0]?.seenAt } }), ['10']);
      assert.deepEqual(await ids({ seenAt: { in: [seenAt, null] } }), ['10']);
      const paged: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < 9; page += 1) {
        const asked = { order: [{ field: 'seenAt' }], limit: 1, ...(cursor && { cursor }) };
        const found = await connector.query({ entity: 'gadget', ...asked });
        paged.push(...found.rows.map((row) => row.id));
        if (found.cursor === null) break;
        cursor = found.cursor;
      }
      assert.deepEqual(paged, ['30', '9', 'x-3', '10', '2']);
    });

    it('does what an action says', async () => {
      assert.deepEqual(await hold('10', 'a1', '1'), { kind: 'applied', id: '10', version: '2' });

      assert.deepEqual(await ids({ status: { eq: 'held' }, code: { eq: 'held' } }), ['10']);
    });

    it('refuses an action that the state of the record does not allow', async () => {
      const outcome = await hold('x-3', 'a2');

      assert.deepEqual(outcome, {
        kind: 'rejected',
        reason: 'state',
        message: 'it is held already',
      });
      assert.deepEqual(await ids({ code: { eq: 'held' } }), []);
    });

    it('answers a stale version with the current one, and writes nothing', async () => {
      await hold('10', 'k1');

      const late = await connector.apply(
        { entity: 'gadget', op: 'update', id: '10', data: { count: 1 }, expect: '1' },
        { key: 'k2' },
      );

      assert.deepEqual(late, { kind: 'conflict', current: '2' });
      assert.deepEqual(await ids({ count: { eq: 1 } }), []);
      assert.deepEqual(await hold('absent', 'k3', '1'), { kind: 'conflict', current: null });
    });

    it('answers a key that was applied with its first outcome', async () => {
      const first = applied(await hold('10', 'once', '1'));
      const data = aGadget({ code: 'twice' }) as Record<string, unknown>;
      const created = applied(
        await connector.apply({ entity: 'gadget', op: 'create', data }, { key: 'c' }),
      );

      const again = await hold('10', 'once', '1');
      const other = await hold('9', 'once');
      const recreated = await connector.apply(
        { entity: 'gadget', op: 'create', data },
        { key: 'c' },
      );

      assert.deepEqual([again, other], Array(2).fill({ kind: 'replayed', ...first }));
      assert.deepEqual(recreated, { kind: 'replayed', ...created });
      assert.deepEqual(await ids({ code: { eq: 'twice' } }), [created.id]);
      assert.deepEqual(await ids({ id: { eq: '9' }, status: { eq: 'held' } }), []);
    });

    it('says that a repeated key does no harm, as it does none', async () => {
      const { repeats, maxCallMs } = await connector.describe();

      assert.equal(repeats, 'safe');
      assert.ok(maxCallMs >= 0 && maxCallMs <= 900_000);
    });

    it('keeps a key free whose command was refused', async () => {
      assert.equal((await hold('10', 'again', '7')).kind, 'conflict');

      assert.equal((await hold('10', 'again', '1')).kind, 'applied');
    });

    it('applies one key once when it comes many times at the same time', async () => {
      const outcomes = await Promise.all(Array.from({ length: 6 }, () => hold('10', 'rush', '1')));

      const kinds = outcomes.map((outcome) => outcome.kind).sort();
      assert.deepEqual(kinds, ['applied', ...Array(5).fill('replayed')]);
    });

    it('lets one of many writers of a version through', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, place) =>
          connector.apply(
            { entity: 'gadget', op: 'update', id: '9', data: { count: place + 1 }, expect: '1' },
            { key: `w${place}` },
          ),
        ),
      );

      const kinds = outcomes.map((outcome) => outcome.kind).sort();
      assert.deepEqual(kinds, ['applied', ...Array(5).fill('conflict')]);
    });

    it('rejects data that the entity does not allow', async () => {
      const update = (data: Record<string, unknown>): Promise<Outcome> =>
        connector.apply(
          { entity: 'gadget', op: 'update', id: '10', data },
          { key: JSON.stringify(data) },
        );
      const whole = aGadget({}) as Record<string, unknown>;

      for (const outcome of [
        await update({ weight: 'heavy' }),
        await update({ status: 'lost' }),
        await update({ code: null }),
        await update({ price: { amount: '1', currency: 'euro' } }),
        await connector.apply({ entity: 'gadget', op: 'create', data: whole }, { key: 'no code' }),
        await connector.apply(
          { entity: 'order', op: 'update', id: '7', data: { user: 'x' } },
          { key: 'none' },
        ),
        await connector.apply(
          { entity: 'gadget', op: 'act', id: '10', action: 'hold', data: { code: 1 } },
          { key: 'bad' },
        ),
      ]) {
        assert.equal(outcome.kind === 'rejected' && outcome.reason, 'invalid');
      }
    });

    it('refuses to write what is not declared', async () => {
      const commands = [
        { entity: 'unicorn', op: 'create', data: {} },
        { entity: 'gadget', op: 'update', id: '10', data: { nope: 1 } },
        { entity: 'gadget', op: 'act', id: '10', action: 'explode', data: {} },
      ] as const;

      for (const command of commands) {
        await assert.rejects(connector.apply(command, { key: 'u' }), { code: 'ERP_UNSUPPORTED' });
      }
    });

    it('hints at what changed since a cursor, for the entities asked for', async () => {
      const start = await connector.changes(null, { entities: ['gadget', 'order'] });
      assert.deepEqual(start.events, []);
      await hold('10', 'h1');
      await connector.apply(
        { entity: 'order', op: 'update', id: '1', data: { user: 'u2' } },
        { key: 'h2' },
      );

      // A change may be held back for a while by what is open elsewhere.
      const since = (count: number, ...names: string[]) =>
        eventually(async () => {
          const found = await connector.changes(start.cursor, { entities: names });
          return found.events.length >= count ? found : null;
        });
      const both = await since(2, 'gadget', 'order');
      const one = await since(1, 'order');
      const none = await connector.changes(both.cursor, { entities: ['gadget', 'order'] });

      assert.deepEqual(both.events, [
        { entity: 'gadget', id: '10', version: '2' },
        { entity: 'order', id: '1', version: '2' },
      ]);
      assert.deepEqual(one.events, [{ entity: 'order', id: '1', version: '2' }]);
      assert.deepEqual(none.events, []);
    });

    it('does nothing for a caller who has given up', async () => {
      const signal = AbortSignal.abort();

      await assert.rejects(connector.query({ entity: 'order', limit: 1 }, { signal }), {
        name: 'AbortError',
      });
      await assert.rejects(
        connector.apply({ entity: 'order', op: 'update', id: '1', data: {} }, { key: 'k', signal }),
        { name: 'AbortError' },
      );
    });
  });
}

function applied(outcome: Outcome): { readonly id: string; readonly version: string } {
  if (outcome.kind !== 'applied') assert.fail(`not applied: ${JSON.stringify(outcome)}`);
  return { id: outcome.id, version: outcome.version };
}
