import type { Sample } from 'tutti';
import './records.ts';

const perCompany = 20;

/** Cars of the sample company: most are insured, one a company is not, and one not for long. */
export const sample: Sample = ({ all, add, day, expect, random, scale }) => {
  for (const { code: company } of all('company')) {
    const numbers = random.shuffle(Array.from({ length: perCompany * scale }, (_, index) => index));
    const [ended, soon, sold] = numbers;
    for (const number of numbers.toSorted((a, b) => a - b)) {
      const days = number === soon ? 30 : number === ended || number === sold ? -1 : 31 + number;
      const { id } = add('vehicle', {
        plate: `${company}-${1_000 + number}`,
        company,
        insuredUntil: day(days),
        status: number === sold ? 'sold' : 'in_use',
      });
      if (number !== ended && number !== soon) continue;
      const kind = number === ended ? 'insurance.ended' : 'insurance.ends_soon';
      expect({
        agent: 'fleet.insurance_watch',
        kind,
        company,
        records: [{ entity: 'vehicle', id }],
      });
    }
  }
};
