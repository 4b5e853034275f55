import { useEffect, useState } from 'react';
import { followRun, type Line } from '../api/events.ts';
import type { Entry } from '../api/shapes.ts';
import { useSession } from '../app/session.ts';

/** Entries that are shown. */
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
    void followRun(client, runId, {
      ...{ signal: gone.signal, onLine, onKnown: setEntries },
      onEntries(came) {
        setEntries((known) => [...came.toReversed(), ...known].slice(0, most));
        heed(came);
      },
    });
    return () => gone.abort();
  }, [client, runId, heed]);
  return { entries, line };
}
