import type { ReactElement } from 'react';
import type { Proposal } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { usePages } from '../app/use-resource.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { factsText } from '../parts/lines-of.ts';
import { Loaded } from '../parts/loaded.tsx';
import { MoreButton } from '../parts/more-button.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';

const everyMs = 10_000;

/** What agents would change in the ERP and nobody has decided, of one run or of all, of one module or of all. */
export function ProposalList({
  run,
  module,
}: {
  readonly run: string;
  readonly module: string;
}): ReactElement {
  const proposals = usePages<Proposal>('v1/proposals', { run, module, limit: 50 }, everyMs);
  return (
    <>
      <Loaded from={proposals}>
        {(items) =>
          items.length === 0 ? (
            <EmptyNote>
              Nothing is proposed. Agents that may not write leave proposals here.
            </EmptyNote>
          ) : (
            <Table label="Proposals" columns={columns} rows={items} keyOf={({ key }) => key} />
          )
        }
      </Loaded>
      <MoreButton of={proposals} />
    </>
  );
}

const columns: readonly Column<Proposal>[] = [
  {
    head: 'Change',
    cell: ({ tool, entity, targetId, approval }) => {
      const name = [tool, entity, targetId].filter((each) => each !== null).join(' ');
      return approval === null ? name : <a href={hrefOf(['approvals', approval])}>{name}</a>;
    },
  },
  { head: 'State', cell: ({ became }) => <StateMark state={became} /> },
  {
    head: 'With',
    kind: 'aside',
    cell: ({ args }) => <span className="facts">{factsText(args)}</span>,
  },
  { head: 'Company', kind: 'aside', cell: ({ company }) => company ?? '–' },
  {
    head: 'By',
    cell: ({ agent, runId }) => <a href={hrefOf(['runs', runId])}>{agent ?? 'a step'}</a>,
  },
];
