import { Text } from '../../../base/text.ts';
import type { Draft, SampleWorld } from '../../../sdk/sample.ts';
import { drawPersonName } from './names.ts';

/** Adds the companies, their departments and people, and who signs in to the ERP. */
export function addOrganisation(world: SampleWorld): void {
  addCompanies(world);
  addExchangeRates(world);
  addDepartments(world);
  addEmployees(world);
  addUserGroups(world);
  addUsers(world);
}

/** `DE` for `MCG-DE`: the part of a company's code that its records' codes begin with. */
export function shortCode(company: { readonly code: string }): string {
  return company.code.slice(-2);
}

function addCompanies(world: SampleWorld): void {
  for (const [code, name, country, currency, timeZone] of [
    ['MCG-DE', 'Meridian Components GmbH', 'DE', 'EUR', 'Europe/Berlin'],
    ['MCG-US', 'Meridian Components Inc.', 'US', 'USD', 'America/New_York'],
    ['MCG-UK', 'Meridian Components Ltd', 'GB', 'GBP', 'Europe/London'],
    ['MCG-PL', 'Meridian Components Sp. z o.o.', 'PL', 'PLN', 'Europe/Warsaw'],
  ] as const) {
    world.add('company', { code, name, country, currency, timeZone });
  }
}

/** Every day of the last seven months, the group's own currency included: a conversion never lacks its rate. */
function addExchangeRates(world: SampleWorld): void {
  const rates = new Map([
    ['EUR', 1],
    ['USD', 0.92],
    ['GBP', 1.17],
    ['PLN', 0.234],
  ]);
  for (let day = -214; day <= 0; day++) {
    for (const [currency, rate] of rates) {
      world.add('exchange_rate', {
        currency,
        date: world.day(day),
        rate: currency === 'EUR' ? '1' : rate.toFixed(6),
      });
      if (currency !== 'EUR') rates.set(currency, rate * (1 + (world.random.next() - 0.5) * 0.006));
    }
  }
}

const trades = [
  ['PUR', 'Purchasing', ['Buyer', 'Category Lead', 'Purchasing Clerk']],
  ['WHS', 'Warehouse', ['Storekeeper', 'Forklift Driver', 'Shift Lead']],
  ['PRD', 'Production', ['Machine Operator', 'Fitter', 'Foreman']],
  ['QUA', 'Quality', ['Inspector', 'Quality Engineer', 'Metrologist']],
  ['SAL', 'Sales', ['Account Manager', 'Sales Clerk', 'Sales Engineer']],
  ['FIN', 'Finance', ['Accountant', 'Controller', 'Payables Clerk']],
  ['HRD', 'Human Resources', ['HR Partner', 'Payroll Clerk', 'Recruiter']],
  ['ITS', 'IT', ['Administrator', 'Developer', 'Service Desk Agent']],
  ['LOG', 'Logistics', ['Dispatcher', 'Customs Clerk', 'Planner']],
  ['MNT', 'Maintenance', ['Electrician', 'Mechanic', 'Maintenance Planner']],
  ['ENG', 'Engineering', ['Design Engineer', 'Test Engineer', 'Draughtsman']],
  ['MGT', 'Management', ['Site Manager', 'Assistant', 'Project Lead']],
] as const;

function addDepartments(world: SampleWorld): void {
  for (let series = 1; series <= world.scale; series++) {
    const suffix = series === 1 ? '' : String(series);
    for (const company of world.all('company')) {
      for (const [code, name] of trades) {
        world.add('department', {
          code: `${shortCode(company)}-${code}${suffix}`,
          name: `${name} ${suffix}`.trim(),
          company: company.code,
        });
      }
    }
  }
}

function addEmployees(world: SampleWorld): void {
  const { random } = world;
  const departments = world.all('department');
  // Six in every department, the rest by chance, in mixed order.
  const places = random.shuffle([
    ...Array.from({ length: 6 }, () => departments).flat(),
    ...Array.from({ length: departments.length * 4 }, () => random.pick(departments)),
  ]);
  for (const [index, department] of places.entries()) {
    const trade = trades.find(([code]) => department.code.slice(3).startsWith(code)) ?? trades[0];
    const left = random.chance(0.05) ? -random.integer(20, 200) : null;
    world.add('employee', {
      number: `E${String(index + 1).padStart(5, '0')}`,
      name: new Text(drawPersonName(random)),
      company: department.company,
      department: department.id,
      position: random.pick(trade[2]),
      hiredOn: world.day(-random.integer(230, 5500)),
      leftOn: left === null ? null : world.day(left),
    });
  }
}

const duties = [
  'Payables',
  'Receivables',
  'Treasury',
  'General Ledger',
  'Purchasing',
  'Receiving',
  'Warehouse',
  'Planning',
  'Payroll',
  'Sales',
  'Master Data',
  'Administration',
  'Reporting',
] as const;

function addUserGroups(world: SampleWorld): void {
  for (let series = 1; series <= world.scale; series++) {
    for (const company of world.all('company')) {
      for (const [index, duty] of duties.entries()) {
        const number = (series - 1) * duties.length + index + 1;
        world.add('user_group', {
          code: `UG-${shortCode(company)}-${String(number).padStart(3, '0')}`,
          name: `${shortCode(company)} ${duty}${series === 1 ? '' : ` ${series}`}`,
          company: company.code,
        });
      }
    }
  }
}

/** One account for each employee, and technical ones; locked when its owner has left. */
function addUsers(world: SampleWorld): void {
  const { random } = world;
  const groups = Map.groupBy(world.all('user_group'), (group) => group.company);
  const turns = new Map<string, number>();
  // Groups of a company take turns, so that none stays empty.
  const groupOf = (company: string): string => {
    const turn = turns.get(company) ?? 0;
    turns.set(company, turn + 1);
    const own = groups.get(company) ?? [];
    return own[turn % own.length]?.id ?? '';
  };
  const technical = Array.from({ length: 40 * world.scale }, (_, index) => index + 1);
  const owners = random.shuffle<Draft<'employee'> | number>([
    ...world.all('employee'),
    ...technical,
  ]);
  const companies = world.all('company');
  for (const owner of owners) {
    if (typeof owner === 'number')
      addTechnicalUser(world, owner, groupOf(random.pick(companies).code));
    else addPersonalUser(world, owner, groupOf(owner.company));
  }
}

function addTechnicalUser(world: SampleWorld, number: number, group: string): void {
  const job = world.random.pick(['batch', 'edi', 'import', 'print', 'sync']);
  world.add('user', {
    login: `svc-${job}-${String(number).padStart(3, '0')}`,
    group,
    employee: null,
    status: 'active',
    lastLoginOn: world.day(-world.random.integer(0, 2)),
  });
}

function addPersonalUser(world: SampleWorld, owner: Draft<'employee'>, group: string): void {
  const { random } = world;
  // Somebody who left signed in last on the last day.
  const lastLoginOn = owner.leftOn ?? world.day(-random.integer(0, 25));
  world.add('user', {
    login: `${owner.company.slice(-2).toLowerCase()}${owner.number.slice(1)}`,
    group,
    employee: owner.id,
    status: owner.leftOn === null ? 'active' : 'locked',
    lastLoginOn,
  });
}
