import type { ReactElement } from 'react';
import { type Run, runStatuses } from '../api/shapes.ts';
import { hrefOf, narrow, type Route } from '../app/route.ts';
import { usePages } from '../app/use-resource.ts';
import { Choice } from '../parts/choice.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { MoreButton } from '../parts/more-button.tsx';
import { TypedFilter } from '../parts/typed-filter.tsx';
import { NoRuns } from './no-runs.tsx';
import { RunTable } from './run-table.tsx';

const everyMs = 5_000;
const filters = ['status', 'workflow', 'company', 'from', 'to'] as const;

const isWord = (name: string) => name === 'workflow' || name === 'company';

/** All runs, the newest first. */
export function RunsPage({ route }: { readonly route: Route }): ReactElement {
  const asked = Object.fromEntries(filters.map((name) => [name, route.query.get(name) ?? '']));
  const runs = usePages<Run>('v1/runs', { ...asked, limit: 50 }, everyMs);
  const isNarrowed = filters.some((name) => asked[name] !== '');
  return (
    <>
      <h1>Runs</h1>
      <div className="filters">
        <Choice
          label="Status"
          value={asked.status ?? ''}
          options={runStatuses}
          any="any"
          onChoose={(status) => narrow(route, { status })}
        />
        {filters.slice(1).map((name) => (
          <TypedFilter
            key={`${name}=${asked[name]}`}
            label={name.charAt(0).toUpperCase() + name.slice(1)}
            type={name === 'from' || name === 'to' ? 'date' : 'text'}
            value={asked[name] ?? ''}
            offered={isWord(name) ? (runs.data?.map((run) => run[name]) ?? []) : []}
            onType={(value) => narrow(route, { [name]: value })}
          />
        ))}
      </div>
      <Loaded from={runs}>
        {(items) =>
          items.length > 0 ? <RunTable runs={items} /> : isNarrowed ? <NoneLikeThat /> : <NoRuns />
        }
      </Loaded>
      <MoreButton of={runs} />
    </>
  );
}

function NoneLikeThat(): ReactElement {
  return (
    <EmptyNote>
      No run is like that. <a href={hrefOf(['runs'])}>Show all runs.</a>
    </EmptyNote>
  );
}
