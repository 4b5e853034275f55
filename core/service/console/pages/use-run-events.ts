import { useEffect, useState } from 'react';
import { followRun, type Line } from '../api/events.ts';
import { isAbort } from '../api/problem.ts';
import type { Entry, Page } from '../api/shapes.ts';
import { useSession } from '../app/session.ts';

/** Entries that are shown at first, and at most. */
const first = 50;
const most = 200;

/** What a run's journal tells while somebody looks. */
export interface RunEvents {
  /** The newest first. */
  readonly entries: readonly Entry[];
  readonly line: Line;
}

/** Follows a run: its newest entries, then every one that comes; `heed` gets those as they come. It must stay the same function. */
export function useRunEvents(runId: string, heed: (entries: readonly Entry[]) => void): RunEvents {
  const { client } = useSession();
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [line, onLine] = useState<Line>('connecting');
  useEffect(() => {
    const gone = new AbortController();
    const { signal } = gone;
    const follow = async (): Promise<void> => {
      const path = `v1/entries?run=${encodeURIComponent(runId)}&limit=${first}`;
      const { items } = await client.get<Page<Entry>>(path, signal);
      setEntries(items);
      await followRun(
        client,
        { id: runId, after: items[0]?.seq ?? 0 },
        {
          ...{ signal, onLine },
          onEntries(came) {
            setEntries((known) => [...came.toReversed(), ...known].slice(0, most));
            heed(came);
          },
        },
      );
    };
    follow().catch((error: unknown) => isAbort(error) || onLine('lost'));
    return () => gone.abort();
  }, [client, runId, heed]);
  return { entries, line };
}
