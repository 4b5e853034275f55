/**
 * What a caller of the API may be allowed, by what it is about and what is done to it; `docs/api.md` shows them with the roles that
 * have them. A route names exactly one of them, or that it is for everybody.
 */
export const permissions = {
  'runs:read': 'look at runs, steps, events, findings, proposals, costs and plans',
  'runs:start': 'start runs and tasks, rehearsals and plans among them',
  'runs:steer': 'cancel, pause, resume and retry runs, and take them back',
  'findings:triage': 'say what is to become of findings, and whose they are',
  'workflows:read': 'look at workflows and their versions',
  'workflows:publish': 'publish workflows and roll them back',
  'agents:read': 'look at agents, tools, modules and MCP servers',
  'agents:write': 'make, change and delete agents, and disable modules',
  'tools:grant': 'grant tools to agents and roles, and accept changed MCP tools',
  'approvals:read': 'look at questions and at who may answer them',
  'approvals:decide': 'approve and refuse, for oneself',
  'approvals:delegate': 'hand on the right to decide, and take it back: of oneself',
  'approvals:administer': 'the same of everybody, to anybody but oneself',
  'effects:settle': 'say what became of an effect that nobody could find out',
  'authority:read': 'look at policies, autonomy, shadows and stops',
  'authority:stop': 'stop agents, modules and the tenant',
  'authority:lift': 'lift stops',
  'policies:publish': 'write policies, put them in force, and agree to what others ask there',
  'settings:read': 'look at settings, budgets and limits',
  'settings:write': 'change settings and budgets',
  'schedules:read': 'look at schedules and their next occurrences',
  'schedules:write': 'pause, resume, trigger and backfill schedules',
  'hooks:read': 'look at hooks and the ERP events that came',
  'hooks:write': 'replay ERP events, and pause hooks',
  'webhooks:read': 'look at webhook endpoints and deliveries',
  'webhooks:write': 'make, change, delete and replay them',
  'keys:read': 'look at API keys',
  'keys:write': 'make, rotate and revoke API keys',
  'sessions:use': 'sign in for a browser, and look at and end sessions of your own',
  'sessions:administer': 'look at and end sessions of everybody in the tenant',
  'audit:read': 'read, verify and export the audit log',
  'data:erase': 'erase personal data, and put runs on hold',
  'status:read': 'look at status and metrics',
  'metrics:read': 'read the metrics of the whole installation, all tenants together',
  'tenants:read': 'look at every tenant of the installation',
  'tenants:write': 'make, suspend and resume tenants, and load modules',
} as const;

/** `what:done` */
export type Permission = keyof typeof permissions;

const reading = (Object.keys(permissions) as Permission[]).filter(
  (each) =>
    each === 'sessions:use' ||
    (each.endsWith(':read') &&
      !['tenants:read', 'metrics:read', 'keys:read', 'audit:read'].includes(each)),
);
const operating: readonly Permission[] = [
  ...reading,
  'runs:start',
  'runs:steer',
  'findings:triage',
  'authority:stop',
  'schedules:write',
  'hooks:write',
];
const administering: readonly Permission[] = [
  ...operating,
  'workflows:publish',
  'agents:write',
  'tools:grant',
  'authority:lift',
  'policies:publish',
  'settings:write',
];
const owning = Object.keys(permissions) as Permission[];

/**
 * What each role may do. `approver` decides and does not start; nobody approves by being an administrator: whoever is to do both holds
 * both roles. A `monitor` is a program that reads metrics. A `module_admin` administers the modules that its key or token names.
 */
export const roles = {
  monitor: ['status:read', 'metrics:read'],
  viewer: reading,
  operator: operating,
  approver: [...reading, 'approvals:decide', 'approvals:delegate'],
  module_admin: administering,
  tenant_admin: owning.filter(
    (each) => !/^(tenants|metrics):/.test(each) && each !== 'approvals:decide',
  ),
  owner: owning,
} as const satisfies Readonly<Record<string, readonly Permission[]>>;

/** A role of the installation; the roles of approvals, such as `controller`, are those of the configuration. */
export type Role = keyof typeof roles;

/** Every role, the least first. */
export const roleNames = Object.keys(roles) as readonly Role[];
