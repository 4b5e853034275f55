import assert from 'node:assert/strict';
import { generateSample } from '../../core/ports/erp/sample.ts';
import { calendarFor, checkCalendars } from '../../core/sdk/calendar/calendar.ts';
import { periodOf } from '../../core/sdk/calendar/fiscal-periods.ts';
import { holidaysOf } from '../../core/sdk/calendar/holidays.ts';
import { calendars } from '../../modules/calendars.ts';

/** As published for 2026: by the law of the country, by OPM, by gov.uk. */
const published: Readonly<Record<string, string>> = {
  'MCG-DE': '01-01 04-03 04-06 05-01 05-14 05-25 10-03 12-25 12-26',
  'MCG-US': '01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25',
  'MCG-UK': '01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28',
  'MCG-PL': '01-01 01-06 04-05 04-06 05-01 05-03 05-24 06-04 08-15 11-01 11-11 12-24 12-25 12-26',
};

describe('the calendars of the sample group', () => {
  const { rows, asOf } = generateSample({ samples: [] });

  it('know each company’s public holidays', () => {
    for (const [company, days] of Object.entries(published)) {
      const of2026 = [...holidaysOf(calendarFor(calendars, company), 2026)]
        .filter((day) => day.startsWith('2026-'))
        .map((day) => day.slice(5));
      assert.equal(of2026.toSorted().join(' '), days, company);
    }
  });

  it('are one for each company, in its time zone', () => {
    checkCalendars(calendars);
    const companies = rows.get('company') ?? [];
    assert.equal(companies.length, 4);
    for (const { code, timeZone } of companies) {
      assert.equal(calendarFor(calendars, String(code)).timeZone, timeZone);
    }
  });

  it('cut the year as the periods of the sample’s ledgers do, of which today’s is open and the last is closing', () => {
    const periods = rows.get('fiscal_period') ?? [];
    for (const { company, code, from, to, adjustment } of periods) {
      if (adjustment) continue;
      const period = periodOf(calendarFor(calendars, String(company)), String(from));
      assert.deepEqual([period?.code, period?.from, period?.to], [code, from, to]);
    }
    const stateOf = (day: string, ledger: string) =>
      periods.find(
        (each) =>
          each.company === 'MCG-DE' &&
          each.ledger === ledger &&
          !each.adjustment &&
          String(each.from) <= day &&
          day <= String(each.to),
      )?.state;
    assert.deepEqual(
      [asOf, '2026-05-31', '2026-04-30', '2026-12-31'].map((day) => stateOf(day, 'general')),
      ['open', 'soft_closed', 'locked', 'open'],
    );
    assert.equal(stateOf('2026-05-31', 'payables'), 'locked');
  });
});
