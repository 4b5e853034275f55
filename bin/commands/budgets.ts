import { EngineError } from '../../core/base/errors.ts';
import { Budgets, type BudgetsView, type BudgetView } from '../../core/engine/limits/budgets.ts';
import { readUsd } from '../../core/engine/limits/daily-limit.ts';
import { countOf, formatCost } from '../../core/service/batch/format.ts';
import { withTenant } from '../call-host.ts';
import type { Call, Command } from '../command.ts';
import { operator } from '../operator.ts';
import { type Terminal, table } from '../terminal.ts';

/** Waiting steps on the terminal; `--json` has all. */
const shownWaiting = 10;

/** `tutti budgets`: what models may cost a day, and what is left of it. */
export const budgets: Command = (call) => {
  // Read before anything is opened: a wrong call costs no start.
  const asked = askedBudget(call);
  return withTenant(call, async (host, tenantId) => {
    const store = new Budgets(host.database, host);
    const { terminal } = call;
    if (asked.act === 'list') {
      const view = await store.list(tenantId, { simulated: call.args.has('simulated') });
      if (terminal.isJson) terminal.print(view);
      else list(terminal, view);
    } else {
      tell(terminal, await change(store, tenantId, asked));
    }
  });
};

type Asked =
  | { readonly act: 'list' }
  | { readonly act: 'set'; readonly scope: string; readonly microUsd: number }
  | { readonly act: 'unset'; readonly scope: string };

/** @throws INPUT_INVALID */
function askedBudget({ args }: Call): Asked {
  const [act, scope, usd] = args.positionals;
  if (act === undefined) return { act: 'list' };
  if (act === 'set' && scope !== undefined && usd !== undefined)
    return { act, scope, microUsd: readUsd(usd) };
  if (act === 'unset' && scope !== undefined && usd === undefined) return { act, scope };
  throw new EngineError(
    'INPUT_INVALID',
    'tutti budgets takes nothing, set SCOPE USD_PER_DAY, or unset SCOPE; see: tutti help budgets',
  );
}

function change(
  store: Budgets,
  tenantId: number,
  asked: Exclude<Asked, { readonly act: 'list' }>,
): Promise<BudgetView> {
  const { act, scope } = asked;
  return act === 'set'
    ? store.set(tenantId, scope, { microUsd: asked.microUsd, actor: operator() })
    : store.unset(tenantId, scope, operator());
}

function tell(terminal: Terminal, view: BudgetView): void {
  if (terminal.isJson) return terminal.print(view);
  const { scope, limitMicroUsd, freeMicroUsd } = view;
  terminal.say(
    `${scope}: ${formatCost(limitMicroUsd)} a day (${sourceOf(view)}), ${formatCost(freeMicroUsd)} of it left today.`,
  );
}

function list(terminal: Terminal, view: BudgetsView): void {
  const { period, items, waiting, warnAt } = view;
  terminal.say(`Budgets of ${period} (UTC); a warning is recorded at ${percent(warnAt)}.`);
  terminal.say();
  const rows = items.map((item) => [
    item.scope,
    formatCost(item.limitMicroUsd),
    sourceOf(item),
    formatCost(item.reservedMicroUsd),
    formatCost(item.settledMicroUsd),
    formatCost(item.freeMicroUsd),
    percent(item.share),
    item.warnedAt === null ? '' : item.warnedAt.toISOString().slice(11, 16),
    item.waiting > 0 ? String(item.waiting) : '',
  ]);
  const head = ['scope', 'limit', 'by', 'reserved', 'settled', 'free', 'used', 'warned', 'waiting'];
  for (const line of table([head, ...rows], [1, 3, 4, 5, 6, 8])) terminal.say(line);
  if (waiting.length === 0) return;
  terminal.say();
  terminal.say(
    `${countOf(waiting.length, 'step')} ${waiting.length === 1 ? 'waits' : 'wait'} for money; raise a budget that is used up: tutti budgets set SCOPE USD_PER_DAY`,
  );
  for (const { runId, step, agent } of waiting.slice(0, shownWaiting))
    terminal.say(`  ${runId}  ${step}  ${agent}`);
  if (waiting.length > shownWaiting)
    terminal.say(`  … and ${waiting.length - shownWaiting} more; --json has all.`);
}

function sourceOf({ source }: BudgetView): string {
  return source === 'tenant' ? 'as tenant' : source;
}

/** Rounded down: 100 % is said of what is used up, and not of what is nearly so. */
function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
