import type { ReactElement } from 'react';
import { useSession } from '../app/session.ts';
import { EmptyNote } from '../parts/empty-note.tsx';

/** Says that no run is to be seen: there is none yet, or none of what whoever looks may see. */
export function NoRuns(): ReactElement {
  const { me } = useSession();
  return (
    <EmptyNote>
      {me.modules === null && me.companies === null
        ? 'There is no run yet.'
        : 'There is no run yet of the modules and companies that you may see.'}{' '}
      Start one with <code>tutti run WORKFLOW</code> or <code>POST /v1/runs</code>.
    </EmptyNote>
  );
}
