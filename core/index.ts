/**
 * The public SDK of Tutti: everything that a module needs, and nothing else. `tutti/testing` has what its tests need.
 */

export { z } from 'zod';
export { Day } from './base/day.ts';
export { EngineError, type ErrorCode } from './base/errors.ts';
export { Decimal, Money } from './base/money.ts';
export { readText, Text } from './base/text.ts';
export type {
  BreakerLimits,
  Budgets,
  Config,
  ModelChain,
  ModelPrice,
  RateLimit,
  StepFailure,
  ToolLimit,
} from './ports/config.ts';
export { defineConfig } from './ports/config.ts';
export * as shared from './ports/erp/entities.ts';
export { mcpServers, mcpServersFrom } from './ports/mcp/servers.ts';
export type { LangChainChatModel } from './ports/models/langchain/langchain.ts';
export { langchainModel } from './ports/models/langchain/langchain.ts';
export { limitPresets } from './ports/models/limit-presets.ts';
export type { ModelTarget } from './ports/models/model.ts';
export type {
  Agent,
  AgentDeclaration,
  AgentLimits,
  AgentPlace,
  Capability,
  FindingInput,
  ModelProfile,
  Playbook,
  PlaybookContext,
} from './sdk/agent.ts';
export { defineAgent } from './sdk/agent.ts';
export type { Calendar, FiscalYear, Holiday, Weekday } from './sdk/calendar/calendar.ts';
export { defineCalendar } from './sdk/calendar/calendar.ts';
export { defineWorkflow } from './sdk/define-workflow.ts';
// The one `export *` of the project: TypeScript merges `declare module 'tutti' { interface Entities … }` only through it.
export * from './sdk/entity.ts';
export type { Erp, Records, Written } from './sdk/erp.ts';
export type {
  Approved,
  ErpHappening,
  ForeachRef,
  Graph,
  ItemGraph,
  NodeRef,
  SwitchRef,
} from './sdk/graph.ts';
export type { Hook, HookDeclaration, HookEvent, HookScope } from './sdk/hook.ts';
export { defineHook } from './sdk/hook.ts';
export type { McpToolDeclaration } from './sdk/mcp-tool.ts';
export { mcpTool } from './sdk/mcp-tool.ts';
export type { Module } from './sdk/module.ts';
export { defineModule } from './sdk/module.ts';
export type {
  DatabaseQuery,
  DatabaseRows,
  Databases,
  Files,
  Http,
  HttpRequest,
  HttpResponse,
  ListedFile,
  Mail,
  MailMessage,
  Mcp,
  McpCall,
  McpResult,
  Outside,
  SentMail,
  Slack,
  Way,
  WrittenFile,
} from './sdk/outside.ts';
export type { Autonomy, DutyRule, Grant, Policy } from './sdk/policy/policy.ts';
export { definePolicy } from './sdk/policy/policy.ts';
export type { ExternalGrant, Risk, Tier } from './sdk/policy/tier.ts';
export { usualDuties } from './sdk/policy/usual-duties.ts';
export type { Recovery, RecoveryRule, RetryPolicy } from './sdk/recovery.ts';
export { all, any, cel, eq, gt, lt, ne, not, query } from './sdk/ref.ts';
export type { Chance, Draft, Sample, SampleWorld, Truth } from './sdk/sample.ts';
export type { Schedule, ScheduleDeclaration, Timing } from './sdk/schedule.ts';
export { defineSchedule, slotInput } from './sdk/schedule.ts';
export type { Severity } from './sdk/severity.ts';
export type {
  DocumentRef,
  Effect,
  Effected,
  Posting,
  Scope,
  Tool,
  ToolAccess,
  ToolCommon,
  ToolContext,
  ToolDeclaration,
  ToolOutward,
  Undo,
} from './sdk/tool.ts';
export { defineTool } from './sdk/tool.ts';
export { type ToolCategory, toolCategories } from './sdk/tool-category.ts';
export type { Workflow } from './sdk/workflow.ts';
export { workflowFile } from './sdk/workflow-file.ts';
