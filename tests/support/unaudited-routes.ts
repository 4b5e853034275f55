/** Routes that change nothing for which anybody must answer. */
export const withoutRow: Readonly<Record<string, string>> = {
  'post /v1/plans': 'says what would be, and keeps nothing',
  'post /v1/policies/:name/check': 'says what would be, and keeps nothing',
  'post /v1/hooks/:source':
    'an ERP speaks there, not a person; what it starts stands in the journal of a run',
};

/** Routes that need more than stands here; each is held to its row where it is tested. */
export const heldElsewhere: Readonly<Record<string, string>> = {
  'post /v1/approvals/:id/decision': 'tests/engine/audit/stores.test.ts',
  'post /v1/effects/:key/settle': 'tests/engine/audit/stores.test.ts',
  'post /v1/policies/:name/asks/:no/agree': 'tests/engine/policies/policies.test.ts',
  'post /v1/mcp/servers/:server/accept': 'tests/engine/audit/stores.test.ts',
  'post /v1/erp-events/:id/replay': 'tests/service/hooks/firings.test.ts',
  'post /v1/hooks/:hook/pause': 'tests/service/hooks/firings.test.ts',
  'post /v1/hooks/:hook/resume': 'tests/service/hooks/firings.test.ts',
  'post /v1/modules': 'tests/bin/module-loading.test.ts',
  'delete /v1/modules/:name': 'tests/bin/module-loading.test.ts',
  'post /v1/sessions': 'tests/service/identity/session-routes.test.ts',
  'delete /v1/sessions': 'tests/service/identity/session-routes.test.ts',
  'delete /v1/sessions/current': 'tests/service/identity/session-routes.test.ts',
  'post /v1/deliveries/:id/replay': 'tests/service/webhooks/deliveries.test.ts',
  'post /v1/schedules/:name/pause': 'tests/service/schedules',
  'post /v1/schedules/:name/resume': 'tests/service/schedules',
  'post /v1/schedules/:name/trigger': 'tests/service/schedules',
  'post /v1/schedules/:name/backfills': 'tests/service/schedules',
  'post /v1/backfills/:id/cancel': 'tests/service/schedules',
};
