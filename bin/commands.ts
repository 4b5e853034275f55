import type { Usage } from './arguments.ts';
import type { Command } from './command.ts';
import { declared } from './usages/declared.ts';
import { installation } from './usages/installation.ts';
import { people } from './usages/people.ts';
import { results } from './usages/results.ts';
import { work } from './usages/work.ts';

/** A command before it is called. */
export interface Known {
  readonly usage: Usage;
  readonly load: () => Promise<Command>;
}

/**
 * The commands, in the order in which help lists them. How each is called is data, and its code is loaded when it is called: help and
 * whoever calls one wrongly load no engine, and a command that only looks something up loads nothing of the service.
 */
export const commands: Readonly<Record<string, Known>> = {
  start: {
    usage: work.start,
    load: async () => (await import('./commands/start.ts')).start,
  },
  serve: {
    usage: work.serve,
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  worker: {
    usage: work.worker,
    load: async () => (await import('./commands/worker.ts')).worker,
  },
  run: {
    usage: work.run,
    load: async () => (await import('./commands/run.ts')).run,
  },
  ask: {
    usage: work.ask,
    load: async () => (await import('./commands/ask.ts')).ask,
  },
  plan: {
    usage: work.plan,
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  findings: {
    usage: results.findings,
    load: async () => (await import('./commands/findings.ts')).findings,
  },
  report: {
    usage: results.report,
    load: async () => (await import('./commands/report.ts')).report,
  },
  triage: {
    usage: results.triage,
    load: async () => (await import('./commands/triage.ts')).triage,
  },
  approvals: {
    usage: people.approvals,
    load: async () => (await import('./commands/approvals.ts')).approvals,
  },
  approve: {
    usage: people.approve,
    load: async () => (await import('./commands/approve.ts')).approve,
  },
  refuse: {
    usage: people.refuse,
    load: async () => (await import('./commands/refuse.ts')).refuse,
  },
  delegate: {
    usage: people.delegate,
    load: async () => (await import('./commands/delegate.ts')).delegate,
  },
  proposals: {
    usage: results.proposals,
    load: async () => (await import('./commands/proposals.ts')).proposals,
  },
  effects: {
    usage: results.effects,
    load: async () => (await import('./commands/effects.ts')).effects,
  },
  settle: {
    usage: results.settle,
    load: async () => (await import('./commands/settle.ts')).settle,
  },
  undo: {
    usage: results.undo,
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  runs: {
    usage: work.runs,
    load: async () => (await import('./commands/runs.ts')).runs,
  },
  steps: {
    usage: work.steps,
    load: async () => (await import('./commands/steps.ts')).steps,
  },
  explain: {
    usage: work.explain,
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  cancel: {
    usage: work.cancel,
    load: async () => (await import('./commands/cancel.ts')).cancel,
  },
  retry: {
    usage: work.retry,
    load: async () => (await import('./commands/retry.ts')).retry,
  },
  pause: {
    usage: work.pause,
    load: async () => (await import('./commands/pause.ts')).pause,
  },
  resume: {
    usage: work.resume,
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  priority: {
    usage: work.priority,
    load: async () => (await import('./commands/priority.ts')).priority,
  },
  stop: {
    usage: people.stop,
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  stops: {
    usage: people.stops,
    load: async () => (await import('./commands/stops.ts')).stops,
  },
  autonomy: {
    usage: people.autonomy,
    load: async () => (await import('./commands/autonomy.ts')).autonomy,
  },
  policy: {
    usage: people.policy,
    load: async () => (await import('./commands/policy.ts')).policy,
  },
  shadow: {
    usage: people.shadow,
    load: async () => (await import('./commands/shadow.ts')).shadow,
  },
  audit: {
    usage: people.audit,
    load: async () => (await import('./commands/audit.ts')).audit,
  },
  schedule: {
    usage: declared.schedule,
    load: async () => (await import('./commands/schedule.ts')).schedule,
  },
  hooks: {
    usage: declared.hooks,
    load: async () => (await import('./commands/hooks.ts')).hooks,
  },
  webhooks: {
    usage: declared.webhooks,
    load: async () => (await import('./commands/webhooks.ts')).webhooks,
  },
  mcp: {
    usage: declared.mcp,
    load: async () => (await import('./commands/mcp.ts')).mcp,
  },
  modules: {
    usage: declared.modules,
    load: async () => (await import('./commands/modules.ts')).modules,
  },
  tools: {
    usage: declared.tools,
    load: async () => (await import('./commands/tools.ts')).tools,
  },
  agent: {
    usage: declared.agent,
    load: async () => (await import('./commands/agent.ts')).agent,
  },
  workflow: {
    usage: declared.workflow,
    load: async () => (await import('./commands/workflow.ts')).workflow,
  },
  errors: {
    usage: results.errors,
    load: async () => (await import('./commands/errors.ts')).errors,
  },
  entries: {
    usage: results.entries,
    load: async () => (await import('./commands/entries.ts')).entries,
  },
  costs: {
    usage: results.costs,
    load: async () => (await import('./commands/costs.ts')).costs,
  },
  budgets: {
    usage: installation.budgets,
    load: async () => (await import('./commands/budgets.ts')).budgets,
  },
  limits: {
    usage: installation.limits,
    load: async () => (await import('./commands/limits.ts')).limits,
  },
  status: {
    usage: installation.status,
    load: async () => (await import('./commands/status.ts')).status,
  },
  settings: {
    usage: installation.settings,
    load: async () => (await import('./commands/settings.ts')).settings,
  },
  config: {
    usage: installation.config,
    load: async () => (await import('./commands/config.ts')).config,
  },
  key: {
    usage: installation.key,
    load: async () => (await import('./commands/key.ts')).key,
  },
  sessions: {
    usage: installation.sessions,
    load: async () => (await import('./commands/sessions.ts')).sessions,
  },
  tenant: {
    usage: installation.tenant,
    load: async () => (await import('./commands/tenant.ts')).tenant,
  },
  retention: {
    usage: installation.retention,
    load: async () => (await import('./commands/retention.ts')).retention,
  },
  hold: {
    usage: installation.hold,
    load: async () => (await import('./commands/hold.ts')).hold,
  },
  holds: {
    usage: installation.holds,
    load: async () => (await import('./commands/holds.ts')).holds,
  },
  erase: {
    usage: installation.erase,
    load: async () => (await import('./commands/erase.ts')).erase,
  },
  encryption: {
    usage: installation.encryption,
    load: async () => (await import('./commands/encryption.ts')).encryption,
  },
  backup: {
    usage: installation.backup,
    load: async () => (await import('./commands/backup.ts')).backup,
  },
  restore: {
    usage: installation.restore,
    load: async () => (await import('./commands/restore.ts')).restore,
  },
  doctor: {
    usage: installation.doctor,
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  version: {
    usage: installation.version,
    load: async () => (await import('./commands/version.ts')).version,
  },
};
