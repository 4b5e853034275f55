import type { Money, Row, ToolContext } from 'tutti';

/** What a case is opened about. */
export interface Matter {
  readonly kind: Row<'audit_case'>['kind'];
  readonly company: string;
  readonly amount: Money | null;
  readonly records: Row<'audit_case'>['records'];
}

/**
 * Drafts an audit case, or returns the one that is under way about the same records. What somebody has looked into and closed is
 * settled for orders, which are past; duties that still meet in one hand are a new matter.
 */
export async function openAuditCase(
  matter: Matter,
  { erp, today, key }: ToolContext,
): Promise<{ readonly id: string; readonly version: string }> {
  const subject = matter.records.map((each) => `${each.entity}:${each.record}`).join('+');
  const { kind, company, amount, records } = matter;
  const standing: readonly Row<'audit_case'>['status'][] =
    kind === 'duty_conflict' ? ['draft', 'open'] : ['draft', 'open', 'closed'];
  for (;;) {
    const cases = await erp.audit_case.list({ kind, company, subject });
    const known = cases.find(({ status }) => standing.includes(status));
    if (known) return { id: known.id, version: known.version };
    const made = await erp.audit_case.create(
      {
        number: `AC-${key.slice(0, 12)}`,
        kind,
        company,
        subject,
        amount,
        openedOn: today,
        status: 'draft',
        records,
      },
      { once: [kind, company, subject, ...cases.map(({ id }) => id)] },
    );
    // Another call has opened one since this one looked.
    if (!made.replayed) return { id: made.id, version: made.version };
  }
}
