import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import type { RunRequest } from '../../../core/engine/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { aTold, type HookLab, openHookLab } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';

const person = { kind: 'person', id: 'anna' } as const;

describe('hooks', () => {
  let lab: HookLab;

  before(async () => {
    lab = await openHookLab();
  });

  after(function () {
    return lab.close(this);
  });

  /** The runs that `work` leads to, as `workflow input`. */
  async function startedBy(work: () => Promise<unknown>): Promise<readonly string[]> {
    const known = new Set((await lab.runs()).map(({ id }) => id));
    await work();
    return (await lab.runs())
      .filter(({ id }) => !known.has(id))
      .map(({ workflow, input }) => `${workflow} ${JSON.stringify(input)}`)
      .sort();
  }

  const tell = (...events: readonly ReturnType<typeof aTold>[]) =>
    lab.intake.record({ tenantId: lab.tenantId, source: 'erp', events });

  it('start the workflow that is declared, as the hook, with what its mapping says', async () => {
    verifies('R9.erp-events');
    const { id } = await lab.write(null, { code: 'A', company: 'PL' });

    await tell(aTold(id));
    await lab.settle();

    const run = (await lab.runs()).at(-1);
    assert.deepEqual(
      { ...run, id: '' },
      {
        ...{ id: '', workflow: 'desk_look', status: 'succeeded', company: 'PL' },
        ...{ actor: 'erp/desk.changed', input: { ticket: id } },
        goal: 'Look at what has changed.',
      },
    );
  });

  it('start one run for all events of a record within the debounce, and none before it is over', async () => {
    const { id } = await lab.write(null, { code: 'B' });

    const runs = await startedBy(async () => {
      await tell(aTold(id, { key: 'b1' }), aTold(id, { key: 'b2' }));
      await lab.settle(999);
      assert.equal((await lab.store.list(lab.tenantId))[0]?.waiting, 1);
      await tell(aTold(id, { key: 'b3' }));
      await lab.settle(1);
    });

    assert.deepEqual(runs, [`desk_look {"ticket":"${id}"}`]);
    const [event] = await lab.store.events(lab.tenantId, { limit: 1 });
    const changed = event?.firings.find(({ hook }) => hook === 'desk.changed');
    assert.deepEqual([changed?.state, changed?.events], ['started', 3]);
  });

  it('read the record themselves: an event says nothing of it, and starts nothing for a version that has its run', async () => {
    const { id, version } = await lab.write(null, { code: 'C', rank: -1 });

    const none = await startedBy(async () => {
      await tell(aTold(id, { version, data: { rank: 7 } }), aTold('no-such-ticket'));
      await lab.settle();
    });
    await lab.write(id, { rank: 2 });
    const one = await startedBy(async () => {
      await tell(aTold(id, { key: 'c1' }));
      await lab.settle();
      await tell(aTold(id, { key: 'c2' }));
      await lab.settle();
    });

    assert.deepEqual(none, []);
    assert.deepEqual(one, [`desk_look {"ticket":"${id}"}`]);
    const [last] = await lab.store.events(lab.tenantId, { limit: 1, hook: 'desk.changed' });
    assert.equal(last?.firings.find(({ hook }) => hook === 'desk.changed')?.state, 'merged');
  });

  it('that fire when a condition becomes true do so once each time it does', async () => {
    const { id } = await lab.write(null, { code: 'D', rank: -1 });
    const step = (action: 'open' | 'close') => async () => {
      const version = await lab.act(id, action);
      await tell(aTold(id, { version }));
      await lab.settle();
    };
    const again = async (): Promise<void> => {
      const { version } = await lab.write(id, { company: 'US' });
      await tell(aTold(id, { version }));
      await lab.settle();
    };

    const runs: string[] = [];
    for (const each of [step('open'), again, step('close'), step('open'), again])
      runs.push((await startedBy(each)).join());

    const opened = 'desk_note {"word":"D"}';
    assert.deepEqual(runs, [opened, '', '', opened, '']);
  });

  it('for types take the event for what it is', async () => {
    const ping = { type: 'com.example.ping', entity: null, recordId: null };
    const runs = await startedBy(async () => {
      await tell(aTold('', { ...ping, key: 'p1', data: { word: 'hello' } }));
      await tell(aTold('', { ...ping, key: 'p2', data: { word: 'again' } }));
      await tell(aTold('', { ...ping, key: 'p3', type: 'com.example.pong' }));
      await lab.settle();
    });

    assert.deepEqual(runs, ['desk_note {"word":"again"}', 'desk_note {"word":"hello"}']);
  });

  it('start one run, however many engines look and wherever each of them dies', async () => {
    const tickets = await Promise.all(
      Array.from({ length: 12 }, (_, rank) => lab.write(null, { code: `E${rank}`, rank })),
    );
    const { engine } = lab.tutti;
    // Dies before the run is stored, or after that and before anybody is told.
    const dying = (dies: 'before' | 'after') => ({
      startRun: async (request: RunRequest): Promise<{ readonly id: string }> => {
        if (dies === 'after') await engine.startRun(request);
        return new Promise<never>(() => {});
      },
    });

    const runs = await startedBy(async () => {
      await tell(...tickets.map(({ id, version }) => aTold(id, { version })));
      lab.clock.pass(1_000);
      // Each has eight under way, of which nothing more is heard.
      const [before, after] = [await settled('starting'), (await lab.runs()).length];
      void lab.firingsWith(dying('before')).fireDue();
      await eventually(async () => (await settled('starting')) - before >= 8);
      lab.clock.pass(60_000);
      void lab.firingsWith(dying('after')).fireDue();
      await eventually(async () => (await lab.runs()).length - after >= 8);
      lab.clock.pass(60_000);
      const looking = Array.from({ length: 4 }, () => lab.firingsWith({}).fireDue());
      await Promise.all(looking);
      await lab.settle(60_000);
    });

    assert.deepEqual(runs, tickets.map(({ id }) => `desk_look {"ticket":"${id}"}`).sort());
  });

  it('try again what may pass, and then say that it is dead; a replay starts it, and says who', async () => {
    const { id } = await lab.write(null, { code: 'F' });
    let tries = 0;
    const refusing = lab.firingsWith({
      startRun: async () => {
        tries += 1;
        throw new EngineError(tries < 3 ? 'DB_UNAVAILABLE' : 'INPUT_INVALID', 'No.');
      },
    });

    await tell(aTold(id));
    for (const ms of [1_000, 999, 1, 1_999, 1]) {
      lab.clock.pass(ms);
      await refusing.fireDue();
    }

    const [event] = await lab.store.events(lab.tenantId, { limit: 5, state: 'dead' });
    assert.equal(tries, 3);
    assert.deepEqual(
      event?.firings.map(({ hook, state, error }) => [hook, state, error?.code]),
      [
        ['desk.changed', 'dead', 'INPUT_INVALID'],
        ['desk.opened', 'skipped', undefined],
      ],
    );
    const runs = await startedBy(async () => {
      const replayed = { tenantId: lab.tenantId, id: event?.id ?? '', actor: person };
      await lab.store.replay(replayed);
      await lab.settle();
      // A second one starts another run, on purpose.
      await lab.store.replay({ ...replayed, hook: 'desk.changed' });
      await lab.settle();
    });
    assert.deepEqual(runs, Array(2).fill(`desk_look {"ticket":"${id}"}`));
    assert.deepEqual(await audited(), ['hook_event.replay', 'hook_event.replay']);
  });

  it('that are paused wait, and fire once for each record when they are resumed', async () => {
    const { id } = await lab.write(null, { code: 'G' });
    const ask = { tenantId: lab.tenantId, hook: 'desk.changed', actor: person };

    const paused = await lab.store.pause({ ...ask, reason: 'month end' });
    const none = await startedBy(async () => {
      await tell(aTold(id, { key: 'g1' }));
      await lab.settle(5_000);
      const { version } = await lab.write(id, { rank: 4 });
      await tell(aTold(id, { key: 'g2', version }));
      await lab.settle(5_000);
    });
    const resumed = await lab.store.resume(ask);
    const one = await startedBy(() => lab.settle());

    assert.deepEqual([paused.paused?.actor, paused.paused?.reason], [person, 'month end']);
    assert.deepEqual([none, resumed.paused, one.length], [[], null, 1]);
    assert.deepEqual((await audited()).slice(-2), ['hook.pause', 'hook.resume']);
    await assert.rejects(lab.store.pause({ ...ask, hook: 'desk.none' }), { code: 'HOOK_UNKNOWN' });
  });

  it('are due when a timer says so, at once when idle', async () => {
    const { id } = await lab.write(null, { code: 'H' });
    let fired = 0;
    const timed = lab.firingsWith({
      startRun: async (request) => {
        fired += 1;
        return await lab.tutti.engine.startRun(request);
      },
    });
    await timed.start();
    await tell(aTold(id));
    await eventually(() => {
      lab.clock.pass(100);
      return fired > 0;
    });
    await timed.close();

    assert.equal(fired, 1);
    assert.equal(await lab.firings.fireDue(), 0);
  });

  it('forget what ended a month ago, and nothing that waits', async () => {
    const { id } = await lab.write(null, { code: 'I' });
    const asks = ['desk.changed', 'desk.pinged'].map((hook) => {
      return { tenantId: lab.tenantId, hook, actor: person };
    });
    for (const ask of asks) await lab.store.pause(ask);
    const ping = { type: 'com.example.ping', entity: null, recordId: null, data: { word: 'late' } };
    await tell(aTold(id, { key: 'i1' }), aTold('', { ...ping, key: 'i2' }));
    lab.clock.pass(31 * 86_400_000);

    await lab.firings.start();
    lab.clock.pass(0);
    const known = async (): Promise<readonly string[]> =>
      (await lab.store.events(lab.tenantId, { limit: 10 })).map(({ key }) => key).toSorted();
    await eventually(async () => (await known()).length <= 2);
    await lab.firings.close();

    assert.deepEqual(await known(), ['i1', 'i2']);
    for (const ask of asks) await lab.store.resume(ask);
    const runs = await startedBy(() => lab.settle());
    assert.deepEqual(runs, [`desk_look {"ticket":"${id}"}`, 'desk_note {"word":"late"}']);
  });

  /** How many firings are in a state. */
  async function settled(state: 'starting'): Promise<number> {
    const rows = await lab.tutti.host.database
      .kysely('tutti_engine')
      .selectFrom('hookFiring')
      .select('id')
      .where('state', '=', state)
      .execute();
    return rows.length;
  }

  async function audited(): Promise<readonly string[]> {
    const rows = await lab.tutti.host.database
      .kysely('tutti_engine')
      .selectFrom('audit')
      .select('action')
      .where('tenantId', '=', lab.tenantId)
      .orderBy('seq')
      .execute();
    return rows.map(({ action }) => action);
  }
});
