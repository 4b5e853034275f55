import type { Money, Row, ToolContext } from 'tutti';

/** What a case is opened about. */
export interface Matter {
  readonly kind: Row<'audit_case'>['kind'];
  readonly company: string;
  readonly amount: Money | null;
  readonly records: Row<'audit_case'>['records'];
}

/** Drafts an audit case, or returns the one that is under way about the same records. */
export async function openAuditCase(
  matter: Matter,
  { erp, today, key }: ToolContext,
): Promise<{ readonly id: string; readonly version: string }> {
  const subject = matter.records.map((each) => `${each.entity}:${each.record}`).join('+');
  const { kind, company, amount, records } = matter;
  for (;;) {
    const cases = await erp.audit_case.list({ kind, company, subject });
    const known = cases.find(({ status }) => status === 'draft' || status === 'open');
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
