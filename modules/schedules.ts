import { defineSchedule } from 'tutti';
import { nightly } from './nightly.ts';

/** When the sample group's night runs by itself, where a process serves. */
export const schedules = [
  defineSchedule({
    name: 'nightly',
    workflow: nightly,
    when: { cron: '0 22 * * *', timeZone: 'Europe/Berlin' },
    exclude: ['weekends', 'holidays'],
    window: { deadline: '06:00' },
    pauseOnFailure: true,
  }),
  // While there are two days left to mend what it finds.
  defineSchedule({
    name: 'before_close',
    workflow: nightly,
    when: { moment: 'PERIOD_CLOSE-2BD', time: '12:00' },
    overlap: 'queue',
    catchUp: { windowMs: 24 * 3_600_000 },
  }),
];
