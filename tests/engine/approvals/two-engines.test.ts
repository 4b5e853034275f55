import assert from 'node:assert/strict';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { keyOf, Yard } from './yard.ts';

const config = new URL('../../support/fixtures/effects.config.ts', import.meta.url);

describe('two engines with one yes', () => {
  let yard: Yard;
  let other: TestEngine;

  before(async () => {
    yard = await Yard.open();
    other = await openTestEngine(config, { fresh: yard.fresh });
  });
  after(async function () {
    await other.close();
    await yard.close(this);
  });

  const ownerOf = async (runId: string) => {
    const [row] = await yard.query<{ owner: string }>('SELECT owner FROM tutti.run WHERE id = $1', [
      runId,
    ]);
    return String(row?.owner);
  };

  /** Two runs, each of another engine, whose steps wait for the same effect. */
  async function twoAsk() {
    for (let at = 0; at < 20; at += 1) {
      const parcel = await yard.parcel(`T${at}`);
      const view = await yard.asked({ parcel, workflow: 'seal' });
      const first = String(view.runId);
      const second = await yard.start({ parcel, workflow: 'seal' }, other);
      for (const runId of [first, second]) await yard.waiting(runId);
      if ((await ownerOf(first)) !== (await ownerOf(second)))
        return { parcel, view, first, second };
    }
    return assert.fail('One engine took every run.');
  }

  /** Holds a row until the returned function is called. */
  async function lock(table: 'approval' | 'flush', id: string): Promise<() => Promise<void>> {
    const client = await yard.pool.connect();
    const column = table === 'flush' ? 'engine_id' : 'id';
    await client.query('BEGIN');
    await client.query(`SELECT FROM tutti.${table} WHERE ${column} = $1 FOR UPDATE`, [id]);
    return async () => {
      await client.query('COMMIT');
      client.release();
    };
  }

  /** Until somebody waits for a row. */
  async function blocked(query: string): Promise<void> {
    await eventually(async () => {
      const { rows } = await yard.fresh.database.admin((client) =>
        client.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`,
          [`%${query}%`],
        ),
      );
      return rows.length > 0;
    });
  }

  it('write once, and what the one has done stays when the other comes late', async () => {
    verifies('R12.approvals');
    const { parcel, view, first, second } = await twoAsk();
    const key = keyOf(view);
    await yard.grant(view);
    const tell = (runId: string) =>
      new Inbox(yard.pool).send({
        ...{ tenantId: yard.tenantId, runId, kind: 'decision', dedupe: `decision:${view.id}` },
        data: { step: 0, key, state: 'granted', by: ['anna'], note: null },
        actor: { kind: 'person', id: 'anna' },
      });
    const rows = () =>
      Promise.all([
        yard.query('SELECT * FROM tutti.effect WHERE key = decode($1, $2)', [key, 'hex']),
        yard.query('SELECT * FROM tutti.approval WHERE id = $1', [view.id]),
      ]);

    // The late one reads that it may, and is kept from writing that it does until the other has done it.
    const freeAnswer = await lock('approval', view.id);
    await tell(second);
    await blocked('FROM tutti.approval');
    const freeClaim = await lock('flush', await ownerOf(second));
    await freeAnswer();
    await blocked('WITH fence');
    await tell(first);
    assert.equal(await yard.became(first), 'applied');
    const done = await rows();
    await freeClaim();

    assert.match(await yard.became(second), /^(applied|replayed)$/);
    assert.deepEqual(await rows(), done);
    assert.deepEqual([await yard.effect(key), await yard.slips(parcel)], ['applied', 1]);
    assert.deepEqual(await yard.questions(key), ['consumed']);
  });
});
