/** A purse that all engines of a database share: a row of table `budget`, per tenant and day. */
export interface SharedPurse {
  readonly tenantId: number;
  /** `tenant`, `module:finance` or `workflow:nightly`; of no day, `run:…`. */
  readonly scope: string;
  /** The UTC day that it is for, `YYYY-MM-DD`, or `noDay`. */
  readonly period: string;
}

/** The period of the purse of a run that the runs which it starts pay from, too: it lasts as long as they do, and whatever is of a day passes it by. */
export const noDay = '0001-01-01';

const dayLength = 'YYYY-MM-DD'.length;
const nine = '9'.charCodeAt(0);

/** The name by which the Budget knows a shared purse; a run's and a step's are `run:…` and `step:…`. */
export function purseName({ tenantId, scope, period }: SharedPurse): string {
  return `${period} ${tenantId} ${scope}`;
}

/** The shared purse of a name, or null for a run's or a step's own. */
export function sharedPurse(name: string): SharedPurse | null {
  if (!isShared(name)) return null;
  const tenantEnd = name.indexOf(' ', dayLength + 1);
  return {
    period: name.slice(0, dayLength),
    tenantId: Number(name.slice(dayLength + 1, tenantEnd)),
    scope: name.slice(tenantEnd + 1),
  };
}

/** Whether a name is that of a shared purse: it begins with its day. */
export function isShared(name: string): boolean {
  return name.charCodeAt(0) <= nine;
}

/** Whether a name is that of a shared purse which somebody fills anew each day: it may be warned of, and raised. */
export function isDaily(name: string): boolean {
  return isShared(name) && !name.startsWith(noDay);
}

/** The name of a shared purse without its day. */
export function daylessName(name: string): string {
  return name.slice(dayLength);
}

/** Whether a name is that of all that a tenant may spend on a day, or that its rehearsals would. */
export function isTenants(name: string): boolean {
  return isDaily(name) && name.endsWith(' tenant');
}

const dayMs = 86_400_000;
let known = { day: Number.NaN, period: '' };

/** The UTC day of a moment. It is asked for at every call, so the day of the last one is kept. */
export function periodOf(nowMs: number): string {
  const day = Math.floor(nowMs / dayMs);
  if (day !== known.day) known = { day, period: new Date(nowMs).toISOString().slice(0, dayLength) };
  return known.period;
}
