import assert from 'node:assert/strict';
import { Text } from 'tutti';
import { fixtureConnector, runTool, type TestScope } from 'tutti/testing';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { hr } from '../../../modules/hr/index.ts';

const place = { department: 'd1', company: 'MCG-DE' };
const euro = (amount: string) => ({ amount, currency: 'EUR' });

/** An employee who works 8 hours a day from 8:00, since 2020. */
export function anEmployee(changes: object = {}): object {
  const hiredOn = '2020-01-01';
  const name = new Text('Erika Muster');
  const rest = { number: 'E1', name, ...place, position: 'Fitter', hiredOn };
  return { id: 'e1', ...rest, leftOn: null, ...changes };
}

/** A draft payslip of June 2026: 160 hours at 20 euro. */
export function aPayslip(changes: object = {}): object {
  return {
    id: 'p1',
    number: 'PS1',
    employee: 'e1',
    ...place,
    period: '2026-06',
    kind: 'regular',
    pay: 'hourly',
    rate: euro('20'),
    hours: '160',
    gross: euro('3200'),
    net: euro('2100'),
    status: 'draft',
    note: new Text(''),
    ...changes,
  };
}

/** An approved timesheet of the week of 2026-06-22 with one line for each given day: `[date, startMinute, hours]`. */
export function aTimesheet(
  lines: readonly (readonly [date: string, startMinute: number, hours: string])[],
  changes: object = {},
): object {
  return {
    id: 't1',
    number: 'TS1',
    employee: 'e1',
    ...place,
    week: '2026-06-22',
    status: 'approved',
    memo: new Text(''),
    lines: lines.map(([date, startMinute, hours]) => {
      return { date, kind: 'work', startMinute, hours, approval: null };
    }),
    ...changes,
  };
}

/** A contract without end over 20 euro an hour. */
export function aContract(changes: object = {}): object {
  const rest = { pay: 'hourly', rate: euro('20'), weeklyHours: '40', from: '2020-01-01', to: null };
  return { id: 'k1', number: 'EC1', employee: 'e1', ...place, ...rest, ...changes };
}

/** An approved leave of 2026-06-22. */
export function aLeave(changes: object = {}): object {
  const rest = { kind: 'annual', from: '2026-06-22', to: '2026-06-22', note: new Text('') };
  return {
    id: 'l1',
    number: 'LV1',
    employee: 'e1',
    ...place,
    ...rest,
    status: 'approved',
    ...changes,
  };
}

/** A permit that expires a week after the business date. */
export function aPermit(changes: object = {}): object {
  const rest = { issuedOn: '2024-07-07', expiresOn: '2026-07-07', note: new Text('') };
  const kind = 'work_permit';
  return { id: 'm1', number: 'PM1', employee: 'e1', ...place, kind, ...rest, ...changes };
}

/** A posted accrual of May 2026 with one line for the department. */
export function anAccrual(amount: string, changes: object = {}): object {
  return {
    id: 'a1',
    number: 'PA1',
    company: 'MCG-DE',
    period: '2026-05',
    kind: 'regular',
    status: 'posted',
    entry: null,
    total: euro(amount),
    lines: [{ department: 'd1', amount }],
    ...changes,
  };
}

/** A company of one department, one employee and the given rows; 2026-06-30 is its business date. */
export function scopeWith(rows: Readonly<Record<string, readonly object[]>>): TestScope {
  const company = {
    id: 'c1',
    code: 'MCG-DE',
    name: 'Meridian Components GmbH',
    country: 'DE',
    currency: 'EUR',
    timeZone: 'Europe/Berlin',
  };
  const schedule = { id: 's1', employee: 'e1', department: 'd1', shift: 'day', startMinute: 480 };
  const connector = fixtureConnector(
    hr.records,
    new Map<string, readonly object[]>(
      Object.entries({
        company: [company],
        employee: [anEmployee()],
        work_schedule: [{ ...schedule, dailyHours: '8' }],
        labour_rule: [{ id: 'r1', company: 'MCG-DE', dailyMaximum: '10' }],
        ...rows,
      }),
    ),
  );
  return { module: 'hr', connector, entities: hr.records };
}

/** The result of an effect that was carried out. */
export async function applied<R>(tool: AnyTool, args: object, scope: TestScope): Promise<R> {
  const invoked = await runTool(tool, args, scope);
  assert.equal(invoked.kind, 'effected', JSON.stringify(invoked));
  assert.ok(invoked.kind === 'effected' && invoked.value.kind === 'applied');
  return invoked.value.result as R;
}

/** The result of a read. */
export async function value<R>(tool: AnyTool, args: object, scope: TestScope): Promise<R> {
  const invoked = await runTool(tool, args, scope);
  assert.ok(invoked.kind === 'result', JSON.stringify(invoked));
  return invoked.value as R;
}

/** The error code of a call that fails. */
export async function failure(tool: AnyTool, args: object, scope: TestScope): Promise<string> {
  const invoked = await runTool(tool, args, scope);
  assert.ok(invoked.kind === 'error', JSON.stringify(invoked));
  return invoked.error.code;
}

/** The rows of an entity. */
export async function rows(scope: TestScope, entity: string) {
  return (await scope.connector.query({ entity, limit: 100 })).rows;
}
