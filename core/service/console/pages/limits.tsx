import type { ReactElement } from 'react';
import type { Limits } from '../api/shapes.ts';
import { useResource } from '../app/use-resource.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Figures } from '../parts/figures.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { countText, spanText } from '../parts/text-of.ts';
import { LimitTable } from './limit-table.tsx';
import { StopList } from './stop-list.tsx';

const everyMs = 3_000;

/** How far limits are used, who is left alone for a while, and what is stopped. */
export function LimitsPage(): ReactElement {
  const limits = useResource<Limits>('v1/limits', everyMs);
  return (
    <>
      <h1>Limits</h1>
      <Loaded from={limits}>
        {({ models, gates, rateLimiting, source }) => (
          <>
            <Figures
              of={[
                {
                  name: 'Calls',
                  value: countText(rateLimiting.totalRequests),
                  note: spans[source],
                },
                { name: 'Tokens', value: countText(rateLimiting.totalTokens), note: spans[source] },
                {
                  name: 'Wait of a call',
                  value: rateLimiting.avgWaitMs === null ? '–' : spanText(rateLimiting.avgWaitMs),
                  note: 'on average, for its permit',
                },
              ]}
            />
            <h2>Models</h2>
            {models.length === 0 ? (
              <EmptyNote>
                No model has a limit. Set what your account has under <code>modelLimits</code>.
              </EmptyNote>
            ) : (
              <LimitTable
                label="Models"
                rows={models.map(({ model, ...use }) => ({ name: model, use }))}
              />
            )}
            <h2>Tenant, modules, tools and the ERP</h2>
            {gates.length === 0 ? (
              <EmptyNote>
                {source === 'engine'
                  ? 'Nothing else is limited.'
                  : 'Only a process with an engine counts these.'}
              </EmptyNote>
            ) : (
              <LimitTable
                label="Other limits"
                rows={gates.map(({ gate, ...use }) => ({ name: gate, use }))}
              />
            )}
          </>
        )}
      </Loaded>
      <StopList />
    </>
  );
}

const spans = {
  engine: 'since the engine began',
  ledger: 'in the last 24 hours',
} as const;
