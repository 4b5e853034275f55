/**
 * The error catalogue: every failure that Tutti reports has one row here.
 * `category` and `severity` are the eight categories users know from the field; `retryable` says whether the same
 * call may succeed later without a change by anybody; `status` is what the HTTP API answers.
 */
export const catalogue = {
  // the caller's input
  INPUT_INVALID: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 400 },
  MODULE_INVALID: { category: 'VALIDATION_ERROR', severity: 'high', retryable: false, status: 422 },
  WORKFLOW_INVALID: {
    category: 'VALIDATION_ERROR',
    severity: 'high',
    retryable: false,
    status: 422,
  },
  EXPRESSION_INVALID: {
    category: 'VALIDATION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 422,
  },
  CONFIG_INVALID: { category: 'VALIDATION_ERROR', severity: 'high', retryable: false, status: 500 },
  CALENDAR_INVALID: {
    category: 'VALIDATION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 422,
  },
  WORKFLOW_UNKNOWN: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 404,
  },
  RUN_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  AGENT_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  AGENT_INVALID: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 422 },
  AGENT_CONFLICT: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  POLICY_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  POLICY_INVALID: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 422 },
  TASK_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  RUN_ENDED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  RUN_UNFINISHED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  RETRY_REFUSED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  RUN_HELD: { category: 'PERMISSION_ERROR', severity: 'low', retryable: false, status: 409 },
  STEP_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  EFFECT_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  EFFECT_SETTLED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  APPROVAL_UNKNOWN: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 404,
  },
  APPROVAL_CLOSED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  APPROVAL_VOTED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  APPROVAL_NOT_YOURS: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  DELEGATION_UNKNOWN: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 404,
  },
  STOP_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  SETTING_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  TENANT_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  API_KEY_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  SESSION_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  SCHEDULE_UNKNOWN: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 404,
  },
  HOOK_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  WEBHOOK_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  MODULE_NOT_LOADABLE: {
    category: 'PERMISSION_ERROR',
    severity: 'low',
    retryable: false,
    status: 403,
  },
  MODULE_CONFIGURED: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 409,
  },
  MODULE_NEEDED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 409 },
  MODULE_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  FINDING_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  PRECONDITION_FAILED: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 412,
  },
  ENCRYPTION_KEY: { category: 'SYSTEM_ERROR', severity: 'critical', retryable: false, status: 503 },
  BODY_TAMPERED: { category: 'SYSTEM_ERROR', severity: 'critical', retryable: false, status: 500 },
  AUDIT_BROKEN: {
    category: 'SYSTEM_ERROR',
    severity: 'critical',
    retryable: false,
    status: 500,
  },
  BACKUP_INVALID: {
    category: 'VALIDATION_ERROR',
    severity: 'high',
    retryable: false,
    status: 422,
  },
  ROUTE_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  METHOD_REFUSED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 405 },
  KEY_REUSED: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 422 },
  VERSION_GONE: { category: 'VALIDATION_ERROR', severity: 'high', retryable: false, status: 409 },
  PLAN_CHANGED: { category: 'VALIDATION_ERROR', severity: 'medium', retryable: false, status: 409 },
  BODY_TOO_LARGE: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 413 },
  MEDIA_UNSUPPORTED: {
    category: 'VALIDATION_ERROR',
    severity: 'low',
    retryable: false,
    status: 415,
  },
  ORIGIN_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  UNAUTHENTICATED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 401,
  },
  SESSION_ENDED: {
    category: 'PERMISSION_ERROR',
    severity: 'low',
    retryable: false,
    status: 401,
  },
  CSRF_TOKEN_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  PERMISSION_DENIED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  TENANT_SUSPENDED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  HOOK_REFUSED: { category: 'PERMISSION_ERROR', severity: 'medium', retryable: false, status: 401 },
  TOKEN_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 401,
  },
  TOKEN_UNCHECKED: { category: 'NETWORK_ERROR', severity: 'medium', retryable: true, status: 503 },
  SCOPE_MISSING: { category: 'PERMISSION_ERROR', severity: 'low', retryable: false, status: 403 },
  RATE_LIMITED: { category: 'RESOURCE_ERROR', severity: 'low', retryable: true, status: 429 },

  // agents and models
  OUTPUT_INVALID: { category: 'AGENT_ERROR', severity: 'medium', retryable: false, status: 422 },
  AGENT_FAILED: { category: 'AGENT_ERROR', severity: 'medium', retryable: true, status: 500 },
  TURNS_EXHAUSTED: { category: 'AGENT_ERROR', severity: 'medium', retryable: false, status: 422 },
  MODEL_REQUIRED: { category: 'AGENT_ERROR', severity: 'low', retryable: false, status: 422 },
  AGENT_TIMEOUT: { category: 'TIMEOUT_ERROR', severity: 'medium', retryable: true, status: 504 },
  WAIT_TIMEOUT: { category: 'TIMEOUT_ERROR', severity: 'medium', retryable: false, status: 504 },
  CHILD_FAILED: { category: 'AGENT_ERROR', severity: 'medium', retryable: false, status: 500 },
  CANCELLED: { category: 'AGENT_ERROR', severity: 'low', retryable: false, status: 409 },
  STOPPED: { category: 'PERMISSION_ERROR', severity: 'medium', retryable: false, status: 409 },
  MODEL_UNAVAILABLE: {
    category: 'NETWORK_ERROR',
    severity: 'medium',
    retryable: true,
    status: 503,
  },
  MODEL_RATE_LIMITED: { category: 'RESOURCE_ERROR', severity: 'low', retryable: true, status: 429 },
  MODEL_REFUSED: { category: 'PERMISSION_ERROR', severity: 'high', retryable: false, status: 502 },
  MODEL_REPLY_INVALID: {
    category: 'AGENT_ERROR',
    severity: 'medium',
    retryable: true,
    status: 502,
  },
  TURN_BATCHED: { category: 'RESOURCE_ERROR', severity: 'low', retryable: true, status: 503 },
  TURN_DELEGATED: { category: 'RESOURCE_ERROR', severity: 'low', retryable: true, status: 503 },
  BREAKER_OPEN: { category: 'NETWORK_ERROR', severity: 'medium', retryable: true, status: 503 },
  MODEL_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'high', retryable: false, status: 422 },
  BUDGET_EXCEEDED: {
    category: 'RESOURCE_ERROR',
    severity: 'medium',
    retryable: false,
    status: 402,
  },

  // tools and the ERP
  TOOL_UNKNOWN: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 404 },
  TOOL_INPUT_INVALID: { category: 'TOOL_ERROR', severity: 'low', retryable: false, status: 422 },
  TOOL_RESULT_INVALID: { category: 'TOOL_ERROR', severity: 'high', retryable: false, status: 500 },
  TOOL_FAILED: { category: 'TOOL_ERROR', severity: 'medium', retryable: true, status: 500 },
  APPROVAL_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  APPROVAL_PENDING: {
    category: 'PERMISSION_ERROR',
    severity: 'low',
    retryable: false,
    status: 409,
  },
  TOOL_REFUSED: { category: 'PERMISSION_ERROR', severity: 'medium', retryable: false, status: 403 },
  FILE_REFUSED: { category: 'PERMISSION_ERROR', severity: 'medium', retryable: false, status: 403 },
  FILE_UNKNOWN: { category: 'VALIDATION_ERROR', severity: 'low', retryable: false, status: 404 },
  RECORD_UNKNOWN: { category: 'TOOL_ERROR', severity: 'low', retryable: false, status: 404 },
  ERP_REJECTED: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 422 },
  ERP_CONFLICT: { category: 'TOOL_ERROR', severity: 'low', retryable: true, status: 409 },
  ERP_UNAVAILABLE: { category: 'NETWORK_ERROR', severity: 'medium', retryable: true, status: 503 },
  ERP_UNCERTAIN: { category: 'TOOL_ERROR', severity: 'high', retryable: true, status: 502 },
  EFFECT_IN_REVIEW: { category: 'TOOL_ERROR', severity: 'high', retryable: false, status: 409 },
  UNDO_INCOMPLETE: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 409 },
  ERP_UNSUPPORTED: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 422 },
  EGRESS_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  HTTP_FAILED: { category: 'NETWORK_ERROR', severity: 'medium', retryable: true, status: 502 },
  MAIL_REFUSED: { category: 'PERMISSION_ERROR', severity: 'medium', retryable: false, status: 403 },
  MAIL_FAILED: { category: 'NETWORK_ERROR', severity: 'medium', retryable: true, status: 502 },
  SLACK_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'medium',
    retryable: false,
    status: 403,
  },
  DATABASE_UNKNOWN: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 404 },
  QUERY_REFUSED: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 422 },
  QUERY_FAILED: { category: 'NETWORK_ERROR', severity: 'medium', retryable: true, status: 503 },

  // servers of the Model Context Protocol
  MCP_SERVER_UNKNOWN: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 404 },
  MCP_SERVER_FAILED: {
    category: 'NETWORK_ERROR',
    severity: 'medium',
    retryable: true,
    status: 503,
  },
  MCP_REFUSED: { category: 'PERMISSION_ERROR', severity: 'medium', retryable: false, status: 403 },
  MCP_TOOL_UNKNOWN: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 404 },
  MCP_TOOL_CHANGED: {
    category: 'PERMISSION_ERROR',
    severity: 'high',
    retryable: false,
    status: 409,
  },
  MCP_TOOL_FAILED: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 502 },

  // the machinery
  LANE_LOST: { category: 'SYSTEM_ERROR', severity: 'medium', retryable: true, status: 500 },
  MACHINE_REFUSED: {
    category: 'PERMISSION_ERROR',
    severity: 'high',
    retryable: false,
    status: 403,
  },
  MACHINE_MESSAGE: { category: 'SYSTEM_ERROR', severity: 'high', retryable: false, status: 500 },
  STEP_CRASHED: { category: 'SYSTEM_ERROR', severity: 'high', retryable: false, status: 500 },
  RESULT_UNCLONABLE: { category: 'TOOL_ERROR', severity: 'medium', retryable: false, status: 500 },
  JOURNAL_REJECTED: { category: 'SYSTEM_ERROR', severity: 'high', retryable: false, status: 500 },
  JOURNAL_NEWER: { category: 'SYSTEM_ERROR', severity: 'high', retryable: false, status: 503 },
  ENGINE_FENCED: { category: 'SYSTEM_ERROR', severity: 'critical', retryable: false, status: 503 },
  ENGINE_COPIED: { category: 'SYSTEM_ERROR', severity: 'critical', retryable: false, status: 503 },
  ENGINE_STOPPED: { category: 'SYSTEM_ERROR', severity: 'low', retryable: true, status: 503 },
  DB_UNAVAILABLE: {
    category: 'RESOURCE_ERROR',
    severity: 'critical',
    retryable: true,
    status: 503,
  },
  DB_FULL: { category: 'RESOURCE_ERROR', severity: 'critical', retryable: true, status: 507 },
  DB_VERSION: { category: 'RESOURCE_ERROR', severity: 'critical', retryable: false, status: 503 },
  DATA_FOLDER: { category: 'RESOURCE_ERROR', severity: 'critical', retryable: false, status: 503 },
  PORT_TAKEN: { category: 'RESOURCE_ERROR', severity: 'high', retryable: false, status: 503 },
  NODE_TOO_OLD: { category: 'SYSTEM_ERROR', severity: 'critical', retryable: false, status: 500 },
  INTERNAL: { category: 'SYSTEM_ERROR', severity: 'critical', retryable: false, status: 500 },
} as const satisfies Record<string, ErrorRow>;

/** The eight categories that dashboards and retry policies group errors by. */
export type ErrorCategory =
  | 'AGENT_ERROR'
  | 'TOOL_ERROR'
  | 'NETWORK_ERROR'
  | 'PERMISSION_ERROR'
  | 'VALIDATION_ERROR'
  | 'TIMEOUT_ERROR'
  | 'RESOURCE_ERROR'
  | 'SYSTEM_ERROR';

/** What is known of a code. */
export interface ErrorRow {
  readonly category: ErrorCategory;
  readonly severity: 'low' | 'medium' | 'high' | 'critical';
  readonly retryable: boolean;
  readonly status: number;
}
