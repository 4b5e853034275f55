import assert from 'node:assert/strict';
import { lastInstant } from '../../core/service/last-instant.ts';
import { verifies } from '../support/verifies.ts';

const zone = 'Europe/Berlin';

describe('the last moment at which clocks showed a time', () => {
  const last = (time: string, now: string): string =>
    lastInstant(time, zone, new Date(now)).toISOString();

  it('is that of today once it has come, and until then that of yesterday', () => {
    assert.equal(last('06:00', '2026-06-30T04:00:00Z'), '2026-06-30T04:00:00.000Z');
    assert.equal(last('06:00', '2026-06-30T03:59:59Z'), '2026-06-29T04:00:00.000Z');
  });

  it('is that of yesterday in the first hour after a day of 23 hours, too, and of 25', () => {
    verifies('R11.alerts');
    // 29 March 2026 has 23 hours there, 25 October has 25.
    assert.equal(last('06:00', '2026-03-29T22:10:00Z'), '2026-03-29T04:00:00.000Z');
    assert.equal(last('23:30', '2026-03-29T22:10:00Z'), '2026-03-29T21:30:00.000Z');
    assert.equal(last('06:00', '2026-10-25T23:10:00Z'), '2026-10-25T05:00:00.000Z');
  });
});
