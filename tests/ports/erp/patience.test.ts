import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import { Patience } from '../../../core/ports/erp/patience.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';

describe('patience with an ERP that does not answer', () => {
  it('ends with whoever wants the answer, who leaves neither a question nor a timer behind', async () => {
    const clock = new FakeClock();
    const leaving = new AbortController();
    const patience = new Patience(clock, leaving.signal);
    let asked: AbortSignal | null = null;
    const waiting = patience.wait('anything', (signal) => {
      asked = signal;
      return new Promise(() => {});
    });

    leaving.abort(new EngineError('CANCELLED', 'Nobody waits any more.'));

    await assert.rejects(waiting, { code: 'CANCELLED' });
    assert.equal((asked as AbortSignal | null)?.aborted, true);
    assert.equal(clock.nextAt, null);
  });
});
