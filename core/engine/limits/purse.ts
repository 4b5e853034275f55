/** A purse that all engines of a database share: a row of table `budget`, per tenant and day. */
export interface SharedPurse {
  readonly tenantId: number;
  /** `tenant`, `module:finance` or `workflow:nightly`. */
  readonly scope: string;
  /** The UTC day that it is for, `YYYY-MM-DD`. */
  readonly period: string;
}

/** The name by which the Budget knows a shared purse; a run's and a step's are `run:…` and `step:…`. */
export function purseName({ tenantId, scope, period }: SharedPurse): string {
  return `${period} ${tenantId} ${scope}`;
}

/** The shared purse of a name, or null for a run's or a step's own. */
export function sharedPurse(name: string): SharedPurse | null {
  const parts = /^(\d{4}-\d{2}-\d{2}) (\d+) (.*)$/.exec(name);
  if (!parts) return null;
  return { period: parts[1] as string, tenantId: Number(parts[2]), scope: parts[3] as string };
}

/** The UTC day of a moment. */
export function periodOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
