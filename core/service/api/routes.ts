import { webhookTypes } from '../webhooks/event-types.ts';
import type { CompleteParts } from './parts.ts';
import type { Route } from './route.ts';
import { agentRoutes } from './routes/agents.ts';
import { approvalRoutes } from './routes/approvals.ts';
import { auditRoutes } from './routes/audit.ts';
import { authorityRoutes } from './routes/authority.ts';
import { budgetRoutes } from './routes/budgets.ts';
import { calendarRoutes } from './routes/calendars.ts';
import { costRoutes } from './routes/costs.ts';
import { delegationRoutes } from './routes/delegations.ts';
import { documentRoutes } from './routes/documents.ts';
import { effectRoutes } from './routes/effects.ts';
import { entryRoutes } from './routes/entries.ts';
import { errorRoutes } from './routes/errors.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { findingRoutes } from './routes/findings.ts';
import { healthRoutes } from './routes/health.ts';
import { hookRoutes } from './routes/hooks.ts';
import { keyRoutes } from './routes/keys.ts';
import { limitRoutes } from './routes/limits.ts';
import { mcpServerRoutes } from './routes/mcp-servers.ts';
import { moduleLoadRoutes } from './routes/module-loads.ts';
import { moduleRoutes } from './routes/modules.ts';
import { pageRoutes } from './routes/pages.ts';
import { planRoutes } from './routes/plans.ts';
import { policyRoutes } from './routes/policies.ts';
import { proposalRoutes } from './routes/proposals.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { settingRoutes } from './routes/settings.ts';
import { statusRoutes } from './routes/status.ts';
import { stepContentRoutes } from './routes/step-contents.ts';
import { stopRoutes } from './routes/stops.ts';
import { taskRoutes } from './routes/tasks.ts';
import { templateRoutes } from './routes/templates.ts';
import { tenantRoutes } from './routes/tenants.ts';
import { toolRoutes } from './routes/tools.ts';
import { undoRoutes } from './routes/undo.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { workflowRoutes } from './routes/workflows.ts';

/** Every route of the API that its parts allow: what is served, documented and tested is this list. */
export function routesOf(parts: CompleteParts): readonly Route[] {
  const routes: readonly Route[] = [
    ...documentRoutes(() => routes, webhookTypes),
    ...healthRoutes(parts),
    ...runRoutes(parts),
    ...(parts.contents ? stepContentRoutes(parts, parts.contents) : []),
    ...eventRoutes(parts),
    ...explainRoutes(parts),
    ...(parts.undo ? undoRoutes(parts, parts.undo) : []),
    ...proposalRoutes(parts),
    ...errorRoutes(parts),
    ...entryRoutes(parts),
    ...statusRoutes(parts),
    ...(parts.planner ? planRoutes(parts, parts.planner) : []),
    ...(parts.costs ? costRoutes(parts.costs) : []),
    ...(parts.budgets ? budgetRoutes(parts, parts.budgets) : []),
    ...(parts.limits ? limitRoutes(parts.limits) : []),
    ...pageRoutes(parts),
    ...(parts.versions ? workflowRoutes(parts, parts.versions) : []),
    ...(parts.tasks ? taskRoutes(parts, parts.tasks) : []),
    ...(parts.agents ? agentRoutes(parts.agents) : []),
    ...(parts.tools ? toolRoutes(parts.tools) : []),
    ...(parts.mcpServers ? mcpServerRoutes(parts.mcpServers) : []),
    ...(parts.approvals ? approvalRoutes(parts, parts.approvals) : []),
    ...(parts.delegations ? delegationRoutes(parts.delegations) : []),
    ...(parts.reviews ? effectRoutes(parts, parts.reviews) : []),
    ...(parts.authority ? authorityRoutes(parts.authority) : []),
    ...(parts.findings ? findingRoutes(parts, parts.findings) : []),
    ...(parts.modules ? moduleRoutes(parts, parts.modules) : []),
    ...(parts.moduleDesk ? moduleLoadRoutes(parts.moduleDesk) : []),
    ...templateRoutes(parts, parts.templates ?? (() => [])),
    ...(parts.policies ? policyRoutes(parts.policies) : []),
    ...calendarRoutes(parts),
    ...(parts.stops ? stopRoutes(parts.stops) : []),
    ...(parts.hooks ? hookRoutes(parts.hooks) : []),
    ...(parts.webhooks ? webhookRoutes(parts.webhooks) : []),
    ...(parts.audit ? auditRoutes(parts.audit, parts) : []),
    ...(parts.schedules ? scheduleRoutes(parts.schedules) : []),
    ...(parts.settings ? settingRoutes(parts, parts.settings) : []),
    ...(parts.identity ? keyRoutes(parts.identity) : []),
    ...(parts.identity ? sessionRoutes(parts.identity) : []),
    ...(parts.identity ? tenantRoutes(parts.identity) : []),
  ];
  return routes;
}
