import { type ReactElement, useCallback, useMemo, useRef, useSyncExternalStore } from 'react';
import type { Entry, RunDetail } from '../api/shapes.ts';
import { hrefOf, type Route } from '../app/route.ts';
import { useSession } from '../app/session.ts';
import { useResource } from '../app/use-resource.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Journal } from './journal.tsx';
import { RunHead } from './run-head.tsx';
import { StepList } from './step-list.tsx';
import { StepStore } from './step-store.ts';
import { useRunEvents } from './use-run-events.ts';
import { WaitingList } from './waiting-list.tsx';

const everyMs = 10_000;
/** What a run has come to is read at most so often because of events. */
const patienceMs = 1_000;

/** A run: what it is for, how far it is, its steps, what they wait for, its journal as it is written. */
export function RunPage({
  id,
  route,
}: {
  readonly id: string;
  readonly route: Route;
}): ReactElement {
  const { client } = useSession();
  const run = useResource<RunDetail>(`v1/runs/${encodeURIComponent(id)}`, everyMs);
  const store = useMemo(() => new StepStore(client, encodeURIComponent(id)), [client, id]);
  const steps = useSyncExternalStore(store.watch, store.view);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const { refresh } = run;
  const heed = useCallback(
    (entries: readonly Entry[]) => {
      store.heed(entries);
      timer.current ??= setTimeout(() => {
        timer.current = null;
        refresh();
      }, patienceMs);
    },
    [store, refresh],
  );
  const { entries, line } = useRunEvents(id, heed);
  return (
    <>
      <p className="soft">
        <a href={hrefOf(['runs'])}>Runs</a> / <code>{id}</code>
      </p>
      <Loaded from={run}>
        {(detail) => (
          <>
            <RunHead run={detail} line={line} onChanged={refresh} />
            <StepList route={route} runId={detail.id} view={steps} onRetry={store.readAll} />
            {detail.endedAt === null && <WaitingList runId={detail.id} />}
            <Journal entries={entries} steps={steps.steps} runId={detail.id} />
          </>
        )}
      </Loaded>
    </>
  );
}
