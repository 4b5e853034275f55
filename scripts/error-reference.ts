// Writes docs/errors.md from the error catalogue; a test of the house compares the two.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, errorCodes, errorRow } from '../core/base/errors.ts';
import { beyondRecovery } from '../core/sdk/recovery.ts';
import { root } from './checks.ts';

/** Where the page is. */
export const errorReferencePath: string = join(root, 'docs/errors.md');

/** What a person does about each code; the message of an error says it with the names and values of the case. */
const advice: Readonly<Record<ErrorCode, string>> = {
  INPUT_INVALID: 'Correct what the message names.',
  MODULE_INVALID: "Correct the module's file and field that the message names.",
  WORKFLOW_INVALID: 'Correct the node that the message names.',
  EXPRESSION_INVALID:
    'Correct the expression, or what it reads: a member that is not there is no empty value.',
  CONFIG_INVALID: 'Correct the configuration.',
  CALENDAR_INVALID: 'Correct the calendar, or the moment of it, that the message names.',
  WORKFLOW_UNKNOWN: 'Look for the name with `tutti modules`.',
  RUN_UNKNOWN: 'Look for the id with `tutti runs`.',
  RUN_ENDED: 'Nothing: the run has its end.',
  RUN_UNFINISHED: 'Wait for the end of the run, or cancel it.',
  RETRY_REFUSED:
    'Do what the message says: another run is to be retried, or a new one to be started.',
  RUN_HELD: 'Release the run with `tutti hold RUN --release`, if whoever holds it agrees.',
  AGENT_UNKNOWN: 'Look for the name with `tutti agent list`.',
  TASK_UNKNOWN: 'Look for the id of a task that was started here.',
  AGENT_INVALID: 'Correct the member of the agent that the message names.',
  POLICY_UNKNOWN:
    'Look for the name with `tutti policy list`, and for its versions with `tutti policy show`.',
  POLICY_INVALID:
    'Correct the member of the policy that the message names, or the agents that break its rules.',
  AGENT_CONFLICT: 'Look at what the agent is now (`tutti agent show`), then ask again.',
  STEP_UNKNOWN: "Look at the run's steps.",
  EFFECT_UNKNOWN: 'Look for the key with `tutti effects`.',
  EFFECT_SETTLED: 'Nothing: what became of the effect is known.',
  APPROVAL_UNKNOWN: 'Look for the id with `tutti approvals --all`.',
  APPROVAL_CLOSED: 'Nothing: it has been decided, or nobody waits for it any more.',
  APPROVAL_VOTED: 'Nothing: your first word stands. Somebody else who may decide can refuse it.',
  APPROVAL_NOT_YOURS:
    'Let somebody decide whom the message names, or who holds a role that it names.',
  DELEGATION_UNKNOWN:
    'Look for the id with `GET /v1/delegations`; one that has ended is in no list.',
  STOP_UNKNOWN: 'Nothing: it is not stopped. Look with `tutti stops`.',
  SETTING_UNKNOWN: 'Look for the name with `tutti settings`.',
  TENANT_UNKNOWN: 'Look for the name with `tutti tenant list`.',
  API_KEY_UNKNOWN: 'Look for the id with `tutti key list`.',
  SESSION_UNKNOWN: 'Look for the id with `tutti sessions`; one that has ended is in no list.',
  SCHEDULE_UNKNOWN: 'Look for the name with `tutti schedule list`.',
  HOOK_UNKNOWN: 'Look for the name with `tutti hooks`.',
  WEBHOOK_UNKNOWN: 'Look for the id with `tutti webhooks`.',
  MODULE_NOT_LOADABLE: 'Name it in `loadable` of the configuration, and restart.',
  MODULE_CONFIGURED: 'It is one of `modules` of the configuration: change that, and restart.',
  MODULE_NEEDED: 'Unload first what the message says needs it.',
  MODULE_UNKNOWN: 'Look for the name with `tutti modules`.',
  FINDING_UNKNOWN: 'Look for it with `tutti findings`.',
  PRECONDITION_FAILED: 'Read it again, and send your change with the new `ETag`.',
  ENCRYPTION_KEY:
    'Give this process the master key that the message names, as the others have it: see [encryption](operations.md#encryption).',
  BODY_TAMPERED:
    'Find out who writes to the database beside Tutti; take what was altered from a backup.',
  AUDIT_BROKEN:
    'Stop and find out who changed the log: `tutti audit verify` names the first row that is not as it was written.',
  BACKUP_INVALID: 'Take another backup: this one is cut, changed or of another program.',
  ROUTE_UNKNOWN: 'Correct the path.',
  METHOD_REFUSED: 'Use one of the methods that the header `Allow` names.',
  KEY_REUSED: 'Take a new key for another input.',
  VERSION_GONE:
    'Let the run go on with the new contracts (`tutti resume`), or start the release that it began with.',
  PLAN_CHANGED: 'Plan again, see what differs, and bind the run to the new plan.',
  BODY_TOO_LARGE: 'Send less.',
  MEDIA_UNSUPPORTED: 'Send `application/json`.',
  ORIGIN_REFUSED: 'Call from this machine, by its own name.',
  UNAUTHENTICATED: 'Send an API key or a token of a configured issuer: `Authorization: Bearer …`.',
  SESSION_ENDED: 'Sign in again: `POST /v1/sessions` with a key or a token.',
  CSRF_TOKEN_REFUSED:
    'Send the `csrfToken` of `GET /v1/sessions/current` in the header `X-CSRF-Token`, from a page of this installation.',
  PERMISSION_DENIED: 'Ask for a role that has the permission, or let somebody do it who has it.',
  TENANT_SUSPENDED: 'Ask whoever runs this installation: `tutti tenant resume`.',
  HOOK_REFUSED: "Compare the source's secret and clock with those of the sender.",
  TOKEN_REFUSED: 'Get a token of a configured issuer for this address, one that has not expired.',
  TOKEN_UNCHECKED: "Try again; if it stays, see whether Tutti reaches the issuer's `jwksUrl`.",
  SCOPE_MISSING: 'Ask the issuer for a token with the scope that the message names.',
  RATE_LIMITED: 'Wait as long as `Retry-After` says.',
  OUTPUT_INVALID: "Narrow the agent's task, or loosen the form of its answer.",
  AGENT_FAILED: 'Read the message: it is of the agent or one of its tools.',
  TURNS_EXHAUSTED: 'Raise `limits.turns`, or narrow the task.',
  MODEL_REQUIRED: 'Set the key of a model, or give the agent a playbook.',
  AGENT_TIMEOUT: 'Raise `limits.timeoutMs`, or find out what is slow.',
  WAIT_TIMEOUT:
    'Whether what the node waits for can still come, or a longer `timeout` of the node.',
  CHILD_FAILED: 'The run that the node started: `details.run`.',
  APPROVAL_REFUSED: 'What the people said: the run, `step.waiting` and `approval.decided`.',
  STOPPED: 'Nothing happened. What was stopped goes on once somebody lifts it: `tutti stops`.',
  CANCELLED: 'Nothing: somebody wished it.',
  MODEL_UNAVAILABLE:
    'Nothing at first: it is retried. If it stays, look at the provider and the network.',
  MODEL_RATE_LIMITED: 'Lower `modelLimits`, or get more from the provider.',
  MODEL_REFUSED: "Read the provider's reason: a key, a quota, or what was asked.",
  MODEL_REPLY_INVALID: 'Nothing at first: it is retried. If it stays, look at the provider.',
  TURN_BATCHED: 'Nothing: the step waits for the answer of its provider’s batch.',
  TURN_DELEGATED: 'Nothing: the step waits for the agents that it has handed work to.',
  BREAKER_OPEN: 'Wait: the model or connector is probed again; playbooks go on meanwhile.',
  MODEL_UNKNOWN: "Correct the model's name, or give it a price.",
  BUDGET_EXCEEDED: 'Raise the budget that the message names, or wait for the next day.',
  TOOL_UNKNOWN: 'Correct the instructions: the model asked for a tool that there is not.',
  TOOL_INPUT_INVALID: "Improve the tool's description: the model used it wrongly.",
  TOOL_RESULT_INVALID: 'Mend the tool: it returned what it does not promise.',
  TOOL_FAILED: 'Read the message: it is of the tool.',
  APPROVAL_PENDING:
    'Decide: `tutti approvals`, then `tutti approve` or `tutti refuse`; the step goes on by itself.',
  TOOL_REFUSED: 'Grant it by a policy, if it is meant to be allowed.',
  FILE_REFUSED:
    "Do what the message names: use a path within the tenant's folder, or raise `files.maxBytes` or `files.quotaBytes`.",
  FILE_UNKNOWN: 'Name a file that is there; `general.list_files` lists a folder.',
  RECORD_UNKNOWN: 'Nothing, if the record was deleted meanwhile; else mend the tool.',
  ERP_REJECTED: 'Correct the record as the ERP asks.',
  ERP_CONFLICT: 'Nothing at first: it is retried with the record as it is now.',
  ERP_UNAVAILABLE: 'Nothing at first: it is retried. If it stays, look at the ERP and the network.',
  ERP_UNCERTAIN: 'Look into the ERP, then settle the effect with `tutti settle`.',
  EFFECT_IN_REVIEW: 'Find out what happened, then settle the effect with `tutti settle`.',
  UNDO_INCOMPLETE:
    'Mend the cause that the message names and undo again, or reverse the document by hand.',
  ERP_UNSUPPORTED: 'Use what the connector can do.',
  MCP_SERVER_UNKNOWN: 'Name a server of `mcp.servers`, or add it there.',
  MCP_SERVER_FAILED:
    'Nothing at first: it is retried, and the server is started again. If it stays, look at it with `tutti mcp check`.',
  MCP_REFUSED: 'Let the agent do without, or widen its policy in `mcp.policies`.',
  MCP_TOOL_UNKNOWN: 'Name a tool that the server has; `tutti mcp tools SERVER` lists them.',
  MCP_TOOL_CHANGED:
    'Look at what has changed with `tutti mcp tools SERVER`; if it is right, `tutti mcp accept SERVER TOOL`.',
  MCP_TOOL_FAILED: 'Read what the tool says; the agent gets the same words.',
  EGRESS_REFUSED:
    'If the address is meant, add its host to `http.hosts` (or its port to `http.ports`); private addresses stay out of reach.',
  HTTP_FAILED:
    'Nothing at first: it is retried. If it stays, look at the other side and the network.',
  MAIL_REFUSED:
    'What the message names: a recipient for `mail.recipients`, the configuration, or the mail itself.',
  MAIL_FAILED: 'Nothing at first: it is retried. If it stays, look at the mail server.',
  SLACK_REFUSED:
    'Name the channel in `slack` of the configuration, with its webhook in the environment.',
  DATABASE_UNKNOWN:
    'Name the database in `databases` of the configuration, and its address in the environment.',
  QUERY_REFUSED:
    'Do what the message says: mend the query, or give the tools a login that may only read.',
  QUERY_FAILED:
    'Nothing at first: it is retried. If it stays, look at the database, or ask for less.',
  LANE_LOST: 'Nothing: the step runs again at no cost to its tries.',
  MACHINE_REFUSED:
    'Do what the message says: a worker runs the release, the files, the keys and the database of its engine, and has a certificate for its pools. See [other machines](operations.md#other-machines).',
  MACHINE_MESSAGE:
    'Give the step less: what it takes or brings in one piece is larger than 32 MB, or is no data.',
  STEP_CRASHED: 'Mend the agent or its tool: it ends every thread that runs it.',
  RESULT_UNCLONABLE: 'Mend the agent: what it returns cannot be written as JSON.',
  JOURNAL_REJECTED: "Read the message: the database refused the step's record.",
  JOURNAL_NEWER: 'Update this program: a newer one wrote the run.',
  ENGINE_FENCED:
    'Start the engine anew: another has taken its runs over, and nothing is lost. If it repeats, look at the load of this machine, and whether two have one host name (operations.md).',
  ENGINE_COPIED:
    'Start both processes anew, and never resume a copy of one that runs: its machine was cloned, or a snapshot of it was restored twice.',
  ENGINE_STOPPED: 'Start an engine; what was begun goes on.',
  DB_UNAVAILABLE: 'Bring the database back; everything waits for it and goes on.',
  DB_FULL: 'Free space on the disk of the database; everything waits for it and goes on.',
  DB_VERSION: 'Update the database server, or this program, as the message says.',
  DATA_FOLDER: 'Correct the rights or the place of the data folder.',
  PORT_TAKEN: 'Choose another port: `--port`, or `machines.port` of the configuration.',
  NODE_TOO_OLD: 'Install the Node that the message names.',
  INTERNAL: 'Report it: it is a defect.',
};

/** The page, as it is to be. */
export function errorReference(): string {
  const rows = errorCodes.map((code) => {
    const { category, severity, retryable, status } = errorRow(code);
    const again = beyondRecovery.has(code) ? '–' : retryable ? 'yes' : 'no';
    return `| \`${code}\` | ${category} | ${severity} | ${again} | ${status} | ${advice[code]} |`;
  });
  return `# Errors

Every failure has one code; compare codes, never messages. *Again* says whether the same call may succeed later without a change by
anybody: such failures are retried where no rule of the agent says otherwise ([recovery.md](recovery.md)); – stands at those that no
rule follows. *Status* is what the HTTP API answers.

This page is written from the catalogue in \`core/base/error-catalogue.ts\` by \`node scripts/error-reference.ts\`.

| Code | Category | Severity | Again | Status | What to do |
|---|---|---|---|---|---|
${rows.join('\n')}

Test: \`tests/house/error-reference.test.ts\`.
`;
}

if (import.meta.main) writeFileSync(errorReferencePath, errorReference());
