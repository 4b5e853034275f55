import type { ReactElement } from 'react';
import type { LimitUse } from '../api/shapes.ts';
import { ShareBar } from '../parts/share-bar.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { countText, shareText, spanText } from '../parts/text-of.ts';

/** Something whose use is limited. */
export interface LimitRow {
  readonly name: string;
  readonly use: LimitUse;
}

interface Used {
  readonly what: string;
  readonly used: number | null;
  readonly limit: number | null;
}

/** What of its limits each has used. */
export function LimitTable({
  label,
  rows,
}: {
  readonly label: string;
  readonly rows: readonly LimitRow[];
}): ReactElement {
  return <Table label={label} columns={columns} rows={rows} keyOf={({ name }) => name} />;
}

const columns: readonly Column<LimitRow>[] = [
  { head: 'Name', cell: ({ name }) => name },
  { head: 'State', cell: ({ use }) => <Breaker use={use} /> },
  {
    head: 'Calls under way',
    cell: ({ use }) => (
      <Uses of={[{ what: 'at once', used: use.concurrencyUsed, limit: use.concurrencyLimit }]} />
    ),
  },
  {
    head: 'Requests',
    cell: ({ use }) => (
      <Uses
        of={[
          { what: 'a second', used: use.burstUsed, limit: use.burstLimit },
          { what: 'a minute', used: use.rpmUsed, limit: use.rpmLimit },
          { what: 'an hour', used: use.rphUsed, limit: use.rphLimit },
          { what: 'a day', used: use.rpdUsed, limit: use.rpdLimit },
        ]}
      />
    ),
  },
  {
    head: 'Tokens a minute',
    cell: ({ use }) => (
      <Uses
        of={[
          { what: 'all', used: use.tpmUsed, limit: use.tpmLimit },
          { what: 'in', used: use.inputTpmUsed, limit: use.inputTpmLimit },
          { what: 'out', used: use.outputTpmUsed, limit: use.outputTpmLimit },
        ]}
      />
    ),
  },
];

/** Whether its provider is asked at all, and how much more slowly. */
function Breaker({ use: { closedMs, factor } }: { readonly use: LimitUse }): ReactElement {
  if (closedMs !== null && closedMs > 0)
    return (
      <>
        <StateMark state="left_alone" />
        <span className="facts">asked again in {spanText(closedMs)}</span>
      </>
    );
  if (factor !== null && factor < 1)
    return (
      <>
        <StateMark state="slowed" />
        <span className="facts">to {shareText(factor)} of its limits</span>
      </>
    );
  return <StateMark state="normal" />;
}

/** Only what is limited. */
function Uses({ of }: { readonly of: readonly Used[] }): ReactElement {
  const limited = of.filter(({ limit }) => limit !== null);
  if (limited.length === 0) return <span className="soft">no limit</span>;
  return (
    <>
      {limited.map(({ what, used, limit }) => {
        const text = `${used === null ? '–' : countText(used)} of ${countText(limit ?? 0)} ${what}`;
        const isNear = (used ?? 0) >= 0.9 * (limit ?? 0);
        return (
          <span key={what} className="use">
            {text}
            <ShareBar
              label={text}
              whole={limit ?? 0}
              parts={[{ tone: isNear ? 'warn' : 'busy', size: used ?? 0 }]}
            />
          </span>
        );
      })}
    </>
  );
}
