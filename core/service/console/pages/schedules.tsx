import type { ReactElement } from 'react';
import type { Page, Schedule } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { useResource } from '../app/use-resource.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';

const everyMs = 10_000;

/** When workflows start by themselves, and what became of the last time. */
export function SchedulesPage(): ReactElement {
  const schedules = useResource<Page<Schedule>>('v1/schedules', everyMs);
  return (
    <>
      <h1>Schedules</h1>
      <Loaded from={schedules}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyNote>
              Nothing starts by itself. Declare <code>schedules</code> in the configuration or a
              module.
            </EmptyNote>
          ) : (
            <Table label="Schedules" columns={columns} rows={items} keyOf={({ name }) => name} />
          )
        }
      </Loaded>
    </>
  );
}

const columns: readonly Column<Schedule>[] = [
  {
    head: 'Schedule',
    cell: ({ name, when, company }) => (
      <>
        {name}
        <span className="facts">
          {when}
          {company !== null && ` · ${company}`}
        </span>
      </>
    ),
  },
  { head: 'Workflow', cell: ({ workflow }) => workflow },
  {
    head: 'State',
    cell: ({ paused, open, queued }) => (
      <>
        <StateMark state={paused ? 'paused' : open > 0 ? 'running' : 'waiting'} />
        {paused && <span className="facts">{paused.reason || `by ${paused.by.id}`}</span>}
        {queued > 0 && <span className="facts">{queued} wait for it</span>}
      </>
    ),
  },
  { head: 'Next', cell: ({ nextAt, paused }) => <Moment at={paused ? null : nextAt} /> },
  { head: 'Last', cell: ({ last }) => <Last of={last} /> },
];

function Last({ of }: { readonly of: Schedule['last'] }): ReactElement {
  if (of === null) return <span className="soft">never so far</span>;
  const { at, runId, state, outcome, reason } = of;
  return (
    <>
      {runId === null ? (
        <Moment at={at} />
      ) : (
        <a href={hrefOf(['runs', runId])}>
          <Moment at={at} />
        </a>
      )}{' '}
      <StateMark state={outcome ?? state} />
      {reason !== null && <span className="facts">{reason}</span>}
    </>
  );
}
