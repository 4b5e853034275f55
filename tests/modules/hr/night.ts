import { generateSample } from '../../../core/ports/erp/sample.ts';
import { hr } from '../../../modules/hr/index.ts';
import { sample } from '../../../modules/hr/sample.ts';
import { once, runNight, unitsOf } from '../night.ts';

/** hr with a sample company of its own and the night over it. */
export const staged = once({
  module: hr,
  company: (options) => generateSample({ ...options, samples: [sample] }),
  night: (made) => {
    const departments = () => unitsOf(made, 'department', { as: 'department' });
    return runNight(hr, made, {
      entities: hr.records,
      inputs: {
        timesheet_exceptions: departments,
        payroll_anomaly: departments,
        document_expiry_watch: departments,
        payroll_accrual_feed: () => unitsOf(made, 'company', { as: 'company', field: 'code' }),
        night_summary: (done) => [{ items: done.map((each) => each.output) }],
      },
    });
  },
});
