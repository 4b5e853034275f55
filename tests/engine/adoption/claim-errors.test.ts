import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { type ClaimParts, Claims } from '../../../core/engine/adoption/claims.ts';
import type { RunEnd } from '../../../core/engine/store/run-end.ts';
import { translateDbError } from '../../../core/ports/db/db-error.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

/** Longer than anything is set aside. */
const longMs = 300_001;

const pgError = (code: string) => Object.assign(new Error('refused'), { code });
const systemError = (code: string) =>
  Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect', errno: -24 });

/** Claims of some runs, each of which is taken up when there is no error; `broken`: one that the server has no room for. */
function lab({ runs = [newId()], broken = '' } = {}) {
  const ends: RunEnd[] = [];
  const taken: string[] = [];
  const found = runs.map((id) => ({ id, workflow: 'lab.one', pins: {} }));
  const clock = new FakeClock();
  let error: unknown = null;
  const parts = {
    ...{ clock, boot: newId() },
    store: {
      claim: async () => found.splice(0),
      endRun: async (_row: unknown, _boot: string, end: RunEnd) => void ends.push(end),
    },
    adoption: {
      adopt: async ({ id }: { readonly id: string }) => {
        if (error !== null) throw error;
        if (id === broken) throw pgError('53200');
        return { run: id };
      },
      settle: async () => 0,
    },
    loop: { runs: new Map(), adopt: (id: string) => void taken.push(id) },
  };
  const claims = new Claims(parts as unknown as ClaimParts);
  /** Tries it again and again. */
  async function fail(by: unknown, times: number): Promise<void> {
    error = by;
    for (let time = 0; time < times; time += 1) {
      await claims.claim().catch(() => {});
      clock.pass(longMs);
    }
    error = null;
  }
  return { claims, ends, taken, fail };
}

describe('a run that cannot be taken up', () => {
  const faults: Readonly<Record<string, unknown>> = {
    'the server is being stopped': pgError('57P01'),
    'the server has no memory': pgError('53200'),
    'a statement ran out of time': pgError('57014'),
    'two transactions collided': pgError('40001'),
    'the password was changed': pgError('28P01'),
    'the password was changed, in our own words': translateDbError(pgError('28P01')),
    'a right is missing': pgError('42501'),
    'a table is being restored': pgError('42P01'),
    'the server fails within itself': pgError('XX000'),
    'the certificate has run out': translateDbError(pgError('CERT_HAS_EXPIRED')),
    'the connection broke': new Error('Connection terminated unexpectedly'),
    'the server does not answer': systemError('ECONNREFUSED'),
    'no file can be opened': systemError('EMFILE'),
    'there is no memory': new RangeError('Array buffer allocation failed'),
  };
  for (const [why, fault] of Object.entries(faults))
    it(`waits for as long as it takes where ${why}`, async () => {
      verifies('R9.restart');
      const { claims, ends, taken, fail } = lab();
      await fail(fault, 40);
      assert.deepEqual([ends, taken], [[], []]);

      await claims.claim();
      assert.deepEqual([ends.length, taken.length], [0, 1]);
    });

  it('keeps no other waiting where the server has no room for it alone', async () => {
    verifies('R8.isolation');
    const runs = [newId(), newId(), newId()];
    const { claims, taken } = lab({ runs, broken: String(runs[0]) });
    for (let time = 0; time < 4; time += 1) await claims.claim().catch(() => {});

    assert.deepEqual(taken, runs.slice(1));
  });

  it('ends where it has failed ten times by what may be its own fault, however often by others', async () => {
    const { ends, taken, fail } = lab();
    const own = [new TypeError('no such member'), pgError('22P02')];
    for (let time = 0; time < 9; time += 1) {
      await fail(pgError('57014'), 3);
      await fail(own[time % 2], 1);
    }
    await fail(pgError('57014'), 3);
    assert.deepEqual(ends, []);

    await fail(own[0], 1);
    assert.deepEqual([ends.map(({ status }) => status), taken], [['failed'], []]);
  });
});
