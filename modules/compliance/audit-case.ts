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
  const { id, version } = await erp.audit_case.findOrCreate(
    { kind, company, subject },
    (cases) =>
      cases.find(({ status }) => standing.includes(status)) ?? {
        number: `AC-${key.slice(0, 12)}`,
        amount,
        openedOn: today,
        status: 'draft',
        records,
      },
  );
  return { id, version };
}
