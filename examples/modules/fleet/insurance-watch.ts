import { Day, defineAgent, z } from 'tutti';
import { listVehicles } from './list-vehicles.ts';

const noticeDays = 30;

/** Finds the cars of one company that are not insured, or not for much longer. */
export const insuranceWatch = defineAgent({
  name: 'insurance_watch',
  purpose: 'Finds company cars whose insurance has ended or ends within 30 days.',
  input: z.object({ company: z.string() }),
  output: z.object({ checked: z.int(), flagged: z.int() }),
  model: 'fast',
  critical: false,
  limits: { turns: 4 },
  tools: { listVehicles },
  findings: {
    'insurance.ended': 'The last day of the insurance is before the business date.',
    'insurance.ends_soon': `The last day is within ${noticeDays} days from the business date.`,
  },
  instructions:
    'List the cars of the company of your input. Report a finding for each car of one of the kinds below, with the car as its only record; never report the others.',
}).playbook(async ({ input, tools, finding, today }) => {
  const vehicles = await tools.listVehicles({ company: input.company });
  const due = vehicles.filter(({ insuredUntil }) => insuredUntil <= Day.add(today, noticeDays));
  for (const { id, plate, insuredUntil } of due) {
    const ended = insuredUntil < today;
    finding({
      kind: ended ? 'insurance.ended' : 'insurance.ends_soon',
      severity: ended ? 'high' : 'medium',
      company: input.company,
      records: [{ entity: 'vehicle', id }],
      summary: `The insurance of ${plate} ${ended ? 'ended' : 'ends'} on ${insuredUntil}.`,
    });
  }
  return { checked: vehicles.length, flagged: due.length };
});
