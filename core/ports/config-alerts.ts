import { z } from 'zod';
import { form, kindFault } from '../sdk/document/document-form.ts';
import { clock, count, said, share, text, texts, time, zone } from './config-values.ts';

/*
 * What a configuration may say of whom it tells what.
 */

const rule = (kind: string, members: z.core.$ZodLooseShape = {}) =>
  form({ kind: z.literal(kind), name: text.optional(), ...members });
const alertRule = z.discriminatedUnion(
  'kind',
  [
    rule('run_failed', { workflow: text.optional() }),
    rule('failure_rate', {
      share,
      withinMinutes: count.optional(),
      atLeast: count.optional(),
    }),
    rule('budget_used', { share: share.optional(), scope: text.optional() }),
    rule('not_ready'),
    rule('dead_letters', { atLeast: count.optional() }),
    rule('webhook_disabled'),
    rule('approvals_waiting', { hours: time.optional(), atLeast: count.optional() }),
    rule('night_late', { by: clock, timeZone: zone.optional(), workflow: text.optional() }),
    rule('agent_refused', { atLeast: count.optional(), withinMinutes: count.optional() }),
    rule('failures_rising', {
      withinHours: count.optional(),
      againstDays: count.optional(),
      atLeast: count.optional(),
    }),
  ],
  { error: kindFault },
);

/** Who is told. */
export const recipients = {
  to: said(texts, 'mail addresses', 'nobody'),
  slack: said(texts, 'channels by their names in `slack`', 'none'),
};

/** What is told, to whom. */
export const alertMembers = {
  ...recipients,
  rules: said(z.array(alertRule), 'thresholds', 'none'),
  remindMinutes: said(count, 'until what still holds is told again', 240),
};
/** What is otherwise for one tenant. Readiness is an engine's and no tenant's: a tenant's own rule about it would never be looked at. */
export const tenantAlerts = form(alertMembers).refine(
  ({ rules }) => !rules?.some((one) => 'kind' in one && one.kind === 'not_ready'),
  { path: ['rules'], error: 'write not_ready among the rules for all: it is about an engine' },
);
