import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { hour, hourly, labOfEach, type ScheduleLab } from './lab.ts';

/** A zone, the moment before the first midnight, and the moments of three midnights: where a clock goes forward at midnight, the first minute of that day. */
const zones: readonly (readonly [zone: string, from: string, midnights: readonly string[]])[] = [
  ['UTC', '2026-12-30T23:30Z', ['2026-12-31T00Z', '2027-01-01T00Z', '2027-01-02T00Z']],
  [
    'Pacific/Kiritimati',
    '2026-12-30T09:30Z',
    ['2026-12-30T10Z', '2026-12-31T10Z', '2027-01-01T10Z'],
  ],
  // There is no midnight on 6 September, and two on 5 April.
  ['America/Santiago', '2026-09-05T03:30Z', ['2026-09-05T04Z', '2026-09-06T04Z', '2026-09-07T03Z']],
  ['America/Santiago', '2026-04-04T02:30Z', ['2026-04-04T03Z', '2026-04-05T04Z', '2026-04-06T04Z']],
  ['Africa/Cairo', '2026-04-22T21:30Z', ['2026-04-22T22Z', '2026-04-23T22Z', '2026-04-24T21Z']],
  ['Europe/Berlin', '2026-10-23T21:30Z', ['2026-10-23T22Z', '2026-10-24T22Z', '2026-10-25T23Z']],
];

describe('a schedule of every midnight', () => {
  let lab: ScheduleLab;
  labOfEach((own) => {
    lab = own;
  });

  for (const [zone, from, midnights] of zones)
    for (const [who, lookEveryHours] of [
      ['somebody looks each half hour', 0.5],
      ['no engine is up over all of them', 66],
    ] as const)
      it(`comes once for each day from ${midnights[0]} in ${zone}, where ${who}`, async () => {
        verifies('R2.schedule');
        lab.now = Date.parse(from);
        const when = { cron: '0 0 * * *', timeZone: zone };
        const policies = {
          overlap: 'allow',
          catchUp: { which: 'all', windowMs: 168 * hour },
        } as const;
        const schedule = hourly({ when, ...policies });
        const part = await lab.part({ schedules: [schedule] });

        for (let passed = 0; passed < 66; passed += lookEveryHours)
          await lab.pass(lookEveryHours * hour, part);
        await part.look();

        const runs = await lab.runs();
        assert.deepEqual(
          runs.map(({ input }) => input.slot?.at),
          midnights.map((at) => new Date(at.replace('Z', ':00Z')).toISOString()),
        );
        const [first = ''] = runs.map(({ business_date: date }) => date);
        assert.deepEqual(
          runs.map(({ business_date: date }) => date),
          runs.map((_, index) =>
            new Date(Date.parse(first) + index * 24 * hour).toISOString().slice(0, 10),
          ),
        );
        assert.deepEqual(lab.errors, []);
      });
});
