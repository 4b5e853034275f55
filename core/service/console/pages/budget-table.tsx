import type { ReactElement } from 'react';
import type { Budget, Budgets } from '../api/shapes.ts';
import { ShareBar } from '../parts/share-bar.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { countOf, shareText, usdText } from '../parts/text-of.ts';

/** Purses: spent, reserved and left of what each may hold on the day. */
export function BudgetTable({ budgets }: { readonly budgets: Budgets }): ReactElement {
  const columns: readonly Column<Budget>[] = [
    {
      head: 'Purse',
      cell: ({ scope, waiting }) => (
        <>
          {scope}
          {waiting > 0 && (
            <span className="tag warn">{countOf(waiting, 'step')} without money</span>
          )}
        </>
      ),
    },
    { head: 'Used', cell: (budget) => <Use budget={budget} warnAt={budgets.warnAt} /> },
    { head: 'Spent', kind: 'number', cell: (budget) => usdText(budget.settledMicroUsd) },
    { head: 'Reserved', kind: 'number', cell: (budget) => usdText(budget.reservedMicroUsd) },
    { head: 'Cap', kind: 'number', cell: (budget) => usdText(budget.limitMicroUsd) },
    {
      head: 'Cap set by',
      kind: 'aside',
      cell: ({ source }) => (source === 'tenant' ? 'as tenant' : source),
    },
  ];
  return (
    <>
      <p className="soft">
        {budgets.period} in UTC. Reserved is what calls under way may cost at most; a warning comes
        at {shareText(budgets.warnAt)}.
      </p>
      <Table label="Budgets" columns={columns} rows={budgets.items} keyOf={({ scope }) => scope} />
    </>
  );
}

function Use({
  budget,
  warnAt,
}: {
  readonly budget: Budget;
  readonly warnAt: number;
}): ReactElement {
  const { share, settledMicroUsd, reservedMicroUsd, limitMicroUsd } = budget;
  return (
    <span className="use">
      {shareText(share)}
      <ShareBar
        label={`${shareText(share)} used`}
        whole={limitMicroUsd}
        parts={[
          { tone: share >= 1 ? 'bad' : share >= warnAt ? 'warn' : 'busy', size: settledMicroUsd },
          { tone: 'calm', size: reservedMicroUsd },
        ]}
      />
    </span>
  );
}
