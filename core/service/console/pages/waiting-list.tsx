import type { ReactElement } from 'react';
import type { ExplainedStep, Explanation } from '../api/shapes.ts';
import { useResource } from '../app/use-resource.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { countText, shareText } from '../parts/text-of.ts';
import { hrefOfStep } from './step-table.tsx';

const everyMs = 5_000;

/** What the waiting steps of a run wait for, and when they should start. */
export function WaitingList({ runId }: { readonly runId: string }): ReactElement {
  const explanation = useResource<Explanation>(`v1/runs/${runId}/explain?limit=50`, everyMs);
  const columns: readonly Column<ExplainedStep>[] = [
    { head: 'Step', cell: ({ path }) => <a href={hrefOfStep(runId, path)}>{path}</a> },
    {
      head: 'Waits for',
      cell: ({ blockers }) => blockers[0]?.text ?? 'nothing: it starts at once',
    },
    { head: 'Should start', cell: ({ startAt }) => <Moment at={startAt} /> },
  ];
  return (
    <section>
      <h2>What waits, and for what</h2>
      <Loaded from={explanation}>
        {({ steps, note, endAt, bottleneck, more }) => (
          <>
            {note !== undefined && <p className="soft">{note}</p>}
            {endAt !== null && (
              <p>
                The run should end <Moment at={endAt} />
                {bottleneck &&
                  `; ${shareText(bottleneck.share)} of the waiting is for ${bottleneck.name}`}
                .
              </p>
            )}
            {steps.length === 0 ? (
              <EmptyNote>No step waits.</EmptyNote>
            ) : (
              <Table label="Waiting steps" columns={columns} rows={steps} keyOf={({ id }) => id} />
            )}
            {more > 0 && <p className="soft">{countText(more)} more steps wait.</p>}
          </>
        )}
      </Loaded>
    </section>
  );
}
