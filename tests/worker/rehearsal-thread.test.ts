import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import { type LabPool, openLabPool, type Sent, until } from '../support/lab-pool.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';

for (const { where, alone } of [
  { where: 'a lane', alone: false },
  { where: 'the quarantine', alone: true },
]) {
  describe(`${where}, in a rehearsal`, () => {
    const folder = scratchFolder({});
    const log = join(folder.path, 'log');
    let lab: LabPool;
    let fresh: FreshDatabase;

    before(async () => {
      process.env.LAB_LOG = log;
      fresh = await freshDatabase();
      lab = await openLabPool(1, fresh.database.connectionConfig);
    });
    after(async function () {
      await lab.pool.stop();
      await fresh.drop(this);
      delete process.env.LAB_LOG;
      folder[Symbol.dispose]();
    });

    const rehearse = (id: string, latency: boolean): Sent =>
      lab.jobs.send('marker', { id }, { alone, mode: 'rehearsal', simulate: { latency } });
    const toldBy = ({ ref }: Sent): readonly FromThread[] =>
      lab.jobs.told.filter((each) => each.ref === ref);

    it('sends nothing, and says what it would have sent and what its turns would have used', async () => {
      const sent = rehearse('noted', false);

      const ended = await sent.ended;

      assert.ok(ended.kind === 'succeeded', JSON.stringify(ended));
      assert.deepEqual(JSON.parse(ended.output), { id: 'noted', outcome: 'proposed' });
      assert.equal(existsSync(log), false);
      const told = toldBy(sent);
      assert.deepEqual(
        told.map((each) => (each.kind === 'entry' ? each.entry.kind : each.kind)),
        [
          ...['permit', 'sent', 'turn', 'effect.observed', 'tool.called'],
          ...['permit', 'sent', 'turn', 'done'],
        ],
      );
      for (const each of told) {
        if (each.kind === 'turn') assert.ok(each.done.simulated && each.done.usage);
        if (each.kind === 'entry' && each.entry.kind === 'effect.observed')
          assert.deepEqual(
            [each.entry.data.tool, each.entry.data.would],
            ['lab.mark.put', 'write'],
          );
      }
    });

    it('sends nothing either where a plain playbook takes the place of turns that are denied', async () => {
      const simulate = { latency: false };

      const { ended } = lab.jobs.send('marker', { id: 'plain' }, { alone, simulate });

      const { kind, ...rest } = await ended;
      assert.equal(kind, 'succeeded', JSON.stringify(rest));
      assert.equal(existsSync(log), false);
    });

    it('ends at once when it is cancelled while a turn takes its time', async () => {
      const sent = rehearse('late', true);
      await until(() => toldBy(sent).some(({ kind }) => kind === 'permit'), 'a turn is asked for');
      const cancelled = new EngineError('CANCELLED', 'The run was cancelled.');

      lab.pool.cancel(sent.ref, toErrorData(cancelled));
      const ended = await sent.ended;

      assert.ok(ended.kind === 'failed' && ended.error.code === 'CANCELLED', ended.kind);
      const turns = toldBy(sent).flatMap((each) => (each.kind === 'turn' ? [each.done] : []));
      assert.deepEqual(
        turns.map(({ usage, error }) => [usage, error?.code]),
        [[null, 'CANCELLED']],
      );
    });
  });
}
