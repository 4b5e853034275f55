import { z } from 'zod';
import type { Budgets, BudgetsView } from '../../../engine/limits/budgets.ts';
import { readUsd } from '../../../engine/limits/daily-limit.ts';
import { isAllowed, type Principal, type Reach } from '../../identity/principal.ts';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { instant, microUsd } from '../shapes.ts';

const budgetsQuery = z.strictObject({
  simulated: z.stringbool().default(false).meta({ description: 'Those of rehearsals.' }),
});
// Text, because a number in JSON is read as a float.
const budgetBody = z.strictObject({
  usdPerDay: z.string().meta({ description: 'US dollars as decimal text.', examples: ['12.50'] }),
});

const budgetShape = z
  .object({
    scope: z.string().meta({ description: '`tenant`, `module:NAME` or `workflow:NAME`.' }),
    limitMicroUsd: microUsd,
    source: z.enum(['setting', 'configuration', 'tenant', 'default']),
    reservedMicroUsd: microUsd,
    settledMicroUsd: microUsd,
    freeMicroUsd: microUsd,
    share: z.number().meta({ description: 'Settled and reserved, of the limit.' }),
    warnedAt: instant.nullable(),
    waiting: z.int().meta({ description: 'Steps that wait for money of this purse.' }),
  })
  .meta({ id: 'Budget' });
const budgetsShape = z.object({
  period: z.iso.date(),
  warnAt: z.number(),
  items: z.array(budgetShape),
  waiting: z.array(
    z.object({
      runId: z.uuid(),
      workflow: z.string(),
      step: z.string(),
      module: z.string(),
      agent: z.string(),
    }),
  ),
  next: z.string().nullable(),
});

/** `/v1/budgets`: the purses of today, and what they hold; engines follow a change within about a second. */
export function budgetRoutes(
  { registry }: Pick<CompleteParts, 'registry'>,
  budgets: Budgets,
): readonly Route[] {
  const path = '/v1/budgets/:scope';
  const reachOf = (scope: string): Reach => purseReach(registry, scope);
  return [
    defineRoute({
      method: 'get',
      path: '/v1/budgets',
      summary: 'Lists the purses of today, and what they hold.',
      permission: 'settings:read',
      query: budgetsQuery,
      answers: { 200: budgetsShape },
      handle: async ({ tenantId, query, principal }) => {
        const view = await budgets.list(tenantId, query);
        return ok({ ...seenBy(principal, view, reachOf), next: null });
      },
    }),
    defineRoute({
      method: 'put',
      path,
      summary: 'Sets what a scope may spend a day.',
      permission: 'settings:write',
      body: budgetBody,
      answers: { 200: budgetShape },
      errors: ['SETTING_UNKNOWN'],
      handle: async ({ tenantId, params, body, actor, demand }) => {
        demand(reachOf(params.scope));
        const microUsd = readUsd(body.usdPerDay);
        return ok(await budgets.set(tenantId, params.scope, { microUsd, actor }));
      },
    }),
    defineRoute({
      method: 'delete',
      path,
      summary: 'Takes a limit back: what the configuration says holds again.',
      permission: 'settings:write',
      answers: { 200: budgetShape },
      errors: ['SETTING_UNKNOWN'],
      handle: async ({ tenantId, params, actor, demand }) => {
        demand(reachOf(params.scope));
        return ok(await budgets.unset(tenantId, params.scope, actor));
      },
    }),
  ];
}

/** What a purse is of, by its scope: all companies, and a module, or with `tenant` all of them. */
export function purseReach(
  { workflows }: Pick<CompleteParts['registry'], 'workflows'>,
  scope: string,
): Reach {
  const [, kind, name = ''] = /^(\w+):(.*)$/s.exec(scope) ?? [];
  const module = kind === 'module' ? name : (workflows.get(name)?.module ?? null);
  return { module, company: null };
}

/** Who may touch some companies only sees none. */
function seenBy(
  principal: Principal,
  view: BudgetsView,
  reachOf: (scope: string) => Reach,
): BudgetsView {
  const sees = (scope: string): boolean => isAllowed(principal, 'settings:read', reachOf(scope));
  return {
    ...view,
    items: view.items.filter(({ scope }) => sees(scope)),
    waiting: view.waiting.filter(({ workflow }) => sees(`workflow:${workflow}`)),
  };
}
