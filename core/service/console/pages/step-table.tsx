import type { ReactElement } from 'react';
import type { Step } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { type Column, Table } from '../parts/table.tsx';
import { spanText, usdText } from '../parts/text-of.ts';

/** Where a step stands: `match` or `match/check[V-17]`. */
export function pathOfStep({ node, itemKey }: Pick<Step, 'node' | 'itemKey'>): string {
  return itemKey === '' ? node : `${node}[${itemKey}]`;
}

/** Where a step is shown. */
export function hrefOfStep(runId: string, path: string): string {
  return hrefOf(['runs', runId, 'steps', path]);
}

/** Steps, a line each; what failed with its code and reason. */
export function StepTable({
  runId,
  steps,
}: {
  readonly runId: string;
  readonly steps: readonly Step[];
}): ReactElement {
  const columns: readonly Column<Step>[] = [
    { head: 'Step', cell: (step) => <Named runId={runId} step={step} /> },
    { head: 'Does', kind: 'aside', cell: (step) => step.agent ?? step.kind },
    { head: 'Tries', kind: 'number', cell: (step) => step.attempt },
    { head: 'Took', kind: 'number', cell: tookText },
    {
      head: 'Cost',
      kind: 'number',
      cell: (step) => (step.costMicroUsd === 0 ? '–' : usdText(step.costMicroUsd)),
    },
  ];
  return <Table label="Steps" columns={columns} rows={steps} keyOf={({ id }) => id} />;
}

function Named({ runId, step }: { readonly runId: string; readonly step: Step }): ReactElement {
  return (
    <>
      <a href={hrefOfStep(runId, pathOfStep(step))}>{pathOfStep(step)}</a>
      {step.degraded && <span className="tag">by playbook</span>}
      {step.error && (
        <span className="facts">
          <code>{step.error.code}</code> {step.error.message}
        </span>
      )}
    </>
  );
}

function tookText({ startedAt, endedAt }: Step): string {
  if (startedAt === null || endedAt === null) return '–';
  return spanText(Date.parse(endedAt) - Date.parse(startedAt));
}
