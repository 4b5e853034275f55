import { EngineError } from '../../base/errors.ts';
import { Decimal } from '../../base/money.ts';
import type { Budgets } from '../../ports/config.ts';
import type { Registry } from '../../sdk/registry.ts';

/** What a tenant may spend a day where nobody says anything else: 50 USD. */
const usualDailyMicroUsd = 50_000_000;

/** A billion USD: no budget by any measure, and small enough for exact sums. */
export const largestDailyMicroUsd = 1_000_000_000_000_000;

/** Marks the purses of rehearsals, which hold what the real ones hold and touch none of them. */
const simulatedMark = 'simulated ';

/** The limit that was set for a scope while engines run; undefined where none was. */
export type SetLimit = (scope: string) => number | undefined;

/** What a shared purse holds a day, and who says so; `tenant`: it has no limit of its own, so the tenant's holds. */
export interface DailyLimit {
  readonly microUsd: number;
  readonly source: 'setting' | 'configuration' | 'tenant' | 'default';
}

/** Every scope that can have a daily limit: `tenant`, `module:finance`, `workflow:nightly`. */
export function budgetScopes({
  modules,
  workflows,
}: Pick<Registry, 'modules' | 'workflows'>): readonly string[] {
  return [
    'tenant',
    ...modules.map(({ name }) => `module:${name}`),
    ...[...workflows.keys()].map((name) => `workflow:${name}`),
  ];
}

/** The limit of a scope: what was set comes before the configuration; else the tenant's holds, else 50 USD. */
export function dailyLimit(scope: string, budgets: Budgets, setOf: SetLimit): DailyLimit {
  const { name, isSimulated } = plainScope(scope);
  if (isSimulated) return dailyLimit(name, budgets, setOf);
  const set = setOf(scope);
  if (set !== undefined) return { microUsd: set, source: 'setting' };
  const configured = configuredMicroUsd(scope, budgets);
  if (configured !== undefined) return { microUsd: configured, source: 'configuration' };
  if (scope === 'tenant') return { microUsd: usualDailyMicroUsd, source: 'default' };
  return { microUsd: dailyLimit('tenant', budgets, setOf).microUsd, source: 'tenant' };
}

/** What a shared purse holds a day. */
export function dailyLimitMicroUsd(scope: string, budgets: Budgets, setOf: SetLimit): number {
  return dailyLimit(scope, budgets, setOf).microUsd;
}

/** The purse of rehearsals that stands for a shared one. */
export function simulatedScope(scope: string): string {
  return `${simulatedMark}${scope}`;
}

/** A scope without the mark of rehearsals. */
export function plainScope(scope: string): {
  readonly name: string;
  readonly isSimulated: boolean;
} {
  const isSimulated = scope.startsWith(simulatedMark);
  return { name: isSimulated ? scope.slice(simulatedMark.length) : scope, isSimulated };
}

/** What the configuration says about a scope itself. */
export function configuredMicroUsd(scope: string, budgets: Budgets): number | undefined {
  if (scope === 'tenant') return budgets.tenantDailyMicroUsd;
  const [kind = ''] = scope.split(':', 1);
  const name = scope.slice(kind.length + 1);
  const own = kind === 'module' ? budgets.moduleDailyMicroUsd : budgets.workflowDailyMicroUsd;
  return own && Object.hasOwn(own, name) ? own[name] : undefined;
}

/** Reads USD as people write them, `12.50`, as exact micro-USD. @throws INPUT_INVALID */
export function readUsd(text: string): number {
  if (/^\d{1,16}(\.\d{1,6})?$/.test(text)) {
    const microUsd = Number(Decimal.times(text, '1000000'));
    if (microUsd <= largestDailyMicroUsd) return microUsd;
  }
  throw new EngineError(
    'INPUT_INVALID',
    `'${text.slice(0, 40)}' is no amount of USD; write a number with at most 6 decimals, up to a billion, for example 12.50.`,
    { details: { errors: [{ pointer: '/usdPerDay', detail: 'must be USD as decimal text' }] } },
  );
}
