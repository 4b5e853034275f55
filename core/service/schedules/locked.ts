import type { Connector, ErpRecord } from '../../ports/erp/connector.ts';
import type { ScheduleParts } from './parts.ts';

const mostPeriods = 1_000;

/** Asks the ERP which dates lie in a period that it has locked: of a company, or of every company that keeps periods. */
export function lockedIn(connector: (tenantId: number) => Connector): ScheduleParts['locked'] {
  return async ({ tenantId, company, dates }) => {
    try {
      const periods = await generalPeriods(connector(tenantId), company);
      return new Set(dates.filter((date) => isLocked(periods, date)));
    } catch {
      // The guard asks again before anything is posted, and writes nothing when nobody answers.
      return new Set();
    }
  };
}

function isLocked(periods: readonly ErpRecord[], date: string): boolean {
  const holding = periods.filter(({ from, to }) => String(from) <= date && date <= String(to));
  return holding.length > 0 && holding.every(({ state }) => state === 'locked');
}

async function generalPeriods(
  connector: Connector,
  company: string | null,
): Promise<readonly ErpRecord[]> {
  const { entities } = await connector.describe();
  if (!entities.fiscal_period) return [];
  const filter = {
    ledger: { eq: 'general' },
    adjustment: { eq: false },
    ...(company !== null && { company: { eq: company } }),
  };
  const rows: ErpRecord[] = [];
  let cursor: string | null = null;
  do {
    const page = await connector.query({
      ...{ entity: 'fiscal_period', filter, limit: mostPeriods },
      ...(cursor !== null && { cursor }),
    });
    rows.push(...page.rows);
    cursor = page.cursor;
  } while (cursor !== null);
  return rows;
}
