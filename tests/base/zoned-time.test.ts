import assert from 'node:assert/strict';
import { instantOf, isTimeZone, localDay } from '../../core/base/zoned-time.ts';

/** What the clocks of a zone show, and the instant that it is: from the IANA time zone database. */
const table: readonly (readonly [what: string, zone: string, local: string, instant: string])[] = [
  ['a winter morning', 'Europe/Berlin', '2026-01-15 06:00', '2026-01-15T05:00:00Z'],
  ['a summer morning', 'Europe/Berlin', '2026-07-15 06:00', '2026-07-15T04:00:00Z'],
  ['the minute before a gap', 'Europe/Berlin', '2026-03-29 01:59', '2026-03-29T00:59:00Z'],
  ['the first of a gap', 'Europe/Berlin', '2026-03-29 02:00', '2026-03-29T01:00:00Z'],
  ['the middle of a gap', 'Europe/Berlin', '2026-03-29 02:30', '2026-03-29T01:00:00Z'],
  ['the end of a gap', 'Europe/Berlin', '2026-03-29 03:00', '2026-03-29T01:00:00Z'],
  ['a repeated time', 'Europe/Berlin', '2026-10-25 02:30', '2026-10-25T00:30:00Z'],
  ['the end of a repeated hour', 'Europe/Berlin', '2026-10-25 03:00', '2026-10-25T02:00:00Z'],
  ['a gap', 'America/New_York', '2026-03-08 02:30', '2026-03-08T07:00:00Z'],
  ['a repeated time', 'America/New_York', '2026-11-01 01:30', '2026-11-01T05:30:00Z'],
  ['a gap of half an hour', 'Australia/Lord_Howe', '2026-10-04 02:15', '2026-10-03T15:30:00Z'],
  ['a repeated half hour', 'Australia/Lord_Howe', '2026-04-05 01:45', '2026-04-04T14:45:00Z'],
  ['a day without a change', 'America/Sao_Paulo', '2026-02-22 00:30', '2026-02-22T03:30:00Z'],
  ['a midnight that is skipped', 'America/Sao_Paulo', '2018-11-04 00:00', '2018-11-04T03:00:00Z'],
  ['a midnight that is skipped', 'Africa/Cairo', '2026-04-24 00:00', '2026-04-23T22:00:00Z'],
  ['a day that is skipped', 'Pacific/Apia', '2011-12-30 12:00', '2011-12-30T10:00:00Z'],
  ['quarters of an hour', 'Asia/Kathmandu', '2026-06-30 06:00', '2026-06-30T00:15:00Z'],
  ['the far east', 'Pacific/Kiritimati', '2026-06-30 06:00', '2026-06-29T16:00:00Z'],
  ['a leap day', 'Europe/London', '2028-02-29 23:59', '2028-02-29T23:59:00Z'],
];

describe('local times', () => {
  for (const [what, zone, local, instant] of table) {
    it(`${what} in ${zone}: ${local} is ${instant}`, () => {
      const [day = '', time = ''] = local.split(' ');

      assert.equal(
        new Date(instantOf(day, time, zone)).toISOString(),
        new Date(instant).toISOString(),
      );
    });
  }

  it('of every quarter of an hour of a year come back as their own day, unless the day is skipped', () => {
    for (const zone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York', 'UTC']) {
      let before = Number.NEGATIVE_INFINITY;
      for (let ms = Date.UTC(2026, 0, 1); ms < Date.UTC(2027, 0, 1); ms += 900_000) {
        const local = new Date(ms).toISOString();
        const instant = instantOf(local.slice(0, 10), local.slice(11, 16), zone);

        assert.equal(localDay(instant, zone), local.slice(0, 10));
        assert.ok(instant >= before, `${local} in ${zone} comes before an earlier time`);
        before = instant;
      }
    }
  });

  it('know the names of time zones', () => {
    assert.ok(isTimeZone('Europe/Berlin'));
    assert.ok(!isTimeZone('Europe/Atlantis'));
  });
});
