import type { ReactElement } from 'react';
import type { Run } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { Moment } from '../parts/moment.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { spanText } from '../parts/text-of.ts';

const columns: readonly Column<Run>[] = [
  {
    head: 'Run',
    cell: (run) => (
      <>
        <a href={hrefOf(['runs', run.id])}>{run.workflow}</a>
        {run.rehearsal && <span className="tag">rehearsal</span>}
        {run.goal !== null && <span className="facts">{run.goal}</span>}
      </>
    ),
  },
  { head: 'Status', cell: (run) => <StateMark state={run.status} /> },
  { head: 'Company', kind: 'aside', cell: (run) => run.company ?? 'whole group' },
  { head: 'Business date', kind: 'aside', cell: (run) => run.businessDate },
  { head: 'Made', cell: (run) => <Moment at={run.createdAt} /> },
  {
    head: 'Took',
    kind: 'number',
    cell: (run) => (run.endedAt === null ? '–' : spanText(lastedMs(run.createdAt, run.endedAt))),
  },
];

/** Runs, a line each. */
export function RunTable({ runs }: { readonly runs: readonly Run[] }): ReactElement {
  return <Table label="Runs" columns={columns} rows={runs} keyOf={({ id }) => id} />;
}

function lastedMs(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}
