import { generateSample } from '../../../core/ports/erp/sample.ts';
import { compliance } from '../../../modules/compliance/index.ts';
import { sample } from '../../../modules/compliance/sample.ts';
import { finance } from '../../../modules/finance/index.ts';
import { sample as financeSample } from '../../../modules/finance/sample.ts';
import { hr } from '../../../modules/hr/index.ts';
import { sample as hrSample } from '../../../modules/hr/sample.ts';
import { inventory } from '../../../modules/inventory/index.ts';
import { sample as inventorySample } from '../../../modules/inventory/sample.ts';
import { once, runNight, unitsOf } from '../night.ts';

/** The records of all modules. */
export const entities = [hr, inventory, finance, compliance].flatMap((module) => module.records);

/** compliance with the whole sample company, since it looks at what all others have made, and the night over it. */
export const staged = once({
  module: compliance,
  company: (options) =>
    generateSample({ ...options, samples: [hrSample, inventorySample, financeSample, sample] }),
  night: (made) =>
    runNight(compliance, made, {
      entities,
      inputs: {
        sod_conflict_scan: () => unitsOf(made, 'user_group', { as: 'group' }),
        sanctions_screening: () => unitsOf(made, 'party_group', { as: 'group' }),
        je_testing: () => unitsOf(made, 'journal', { as: 'journal' }),
        policy_exception_review: () => unitsOf(made, 'department', { as: 'department' }),
        night_summary: (done) => [{ items: done.map((each) => each.output), missing: 0 }],
        group_summary: (done) => [{ items: [done.at(-1)?.output], missing: 0 }],
      },
    }),
});
