import type { ReactElement, ReactNode } from 'react';
import type { Costs } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { Figures } from '../parts/figures.tsx';
import { ShareBar } from '../parts/share-bar.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { countText, shareText, usdText } from '../parts/text-of.ts';

type Row = Costs['rows'][number];

/** What calls came to, by what they are added up. */
export function CostTable({
  costs,
  by,
}: {
  readonly costs: Costs;
  readonly by: string;
}): ReactElement {
  const { total, rows, left, since } = costs;
  return (
    <>
      <Figures
        of={[
          { name: 'Cost', value: usdText(total.costMicroUsd), note: `since ${since}, UTC` },
          { name: 'Calls', value: countText(total.calls), note: `${total.openCalls} under way` },
          { name: 'Reserved', value: usdText(total.reservedMicroUsd), note: 'for calls under way' },
          {
            name: 'Estimated',
            value: usdText(total.estimatedMicroUsd),
            note: 'of the cost: usage unknown',
          },
        ]}
      />
      <Table
        label={`Costs by ${by}`}
        columns={columnsOf(by, total.costMicroUsd)}
        rows={rows}
        keyOf={({ name }) => name}
      />
      {left > 0 && <p className="soft">{countText(left)} more rows are in the total only.</p>}
    </>
  );
}

function columnsOf(by: string, totalMicroUsd: number): readonly Column<Row>[] {
  const name = ({ name, workflow }: Row): ReactNode =>
    by === 'run' ? <a href={hrefOf(['runs', name])}>{workflow ?? name}</a> : name;
  return [
    { head: by.charAt(0).toUpperCase() + by.slice(1), cell: name },
    {
      head: 'Share',
      cell: ({ costMicroUsd }) => {
        const share = totalMicroUsd === 0 ? 0 : costMicroUsd / totalMicroUsd;
        return (
          <span className="use">
            {shareText(share)}
            <ShareBar label={shareText(share)} whole={1} parts={[{ tone: 'busy', size: share }]} />
          </span>
        );
      },
    },
    { head: 'Cost', kind: 'number', cell: (row) => usdText(row.costMicroUsd) },
    { head: 'Calls', kind: 'number', cell: (row) => countText(row.calls) },
    { head: 'Tokens in', kind: 'number', cell: ({ tokens }) => countText(tokens.input) },
    {
      head: 'of them cached',
      kind: 'aside',
      cell: ({ tokens }) => countText(tokens.cachedInput),
    },
    { head: 'Tokens out', kind: 'number', cell: ({ tokens }) => countText(tokens.output) },
  ];
}
