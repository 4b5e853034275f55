import type { ReactElement } from 'react';
import type { Entry, Step } from '../api/shapes.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Moment } from '../parts/moment.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { hrefOfStep, pathOfStep } from './step-table.tsx';

/** Entries of a run, the newest first. */
export function Journal({
  entries,
  steps,
  runId,
}: {
  readonly entries: readonly Entry[];
  readonly steps: ReadonlyMap<number, Step> | null;
  readonly runId: string;
}): ReactElement {
  const placeOf = ({ path, step }: Entry): string | null => {
    if (path) return path;
    const known = step === null ? undefined : steps?.get(step);
    return known ? pathOfStep(known) : null;
  };
  const columns: readonly Column<Entry>[] = [
    { head: 'Entry', cell: ({ seq, kind }) => `${seq} ${kind}` },
    { head: 'At', cell: ({ at }) => <Moment at={at} /> },
    {
      head: 'Step',
      cell: (entry) => {
        const path = placeOf(entry);
        return path === null ? '–' : <a href={hrefOfStep(runId, path)}>{path}</a>;
      },
    },
    { head: 'Says', kind: 'aside', cell: ({ data }) => <Facts of={data} /> },
  ];
  return (
    <section>
      <h2>Journal</h2>
      {entries.length === 0 ? (
        <EmptyNote>The journal has no entry yet.</EmptyNote>
      ) : (
        <Table
          label="Journal, the newest first"
          columns={columns}
          rows={entries}
          keyOf={({ seq }) => seq}
        />
      )}
    </section>
  );
}

/** Ids, codes and figures of an entry, in a line. */
function Facts({ of }: { readonly of: Readonly<Record<string, unknown>> }): ReactElement {
  const facts = Object.entries(of).map(([name, value]) => `${name} ${textOf(value)}`);
  return <span className="facts">{facts.join(' · ')}</span>;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
