import { type ReactElement, useRef } from 'react';
import type { Run, RunDetail } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { useMay, useSession } from '../app/session.ts';
import { ConfirmButton } from '../parts/confirm-button.tsx';

/** What whoever is signed in may do with a run, as far as it can still be done. */
export function RunActions({
  run,
  onChanged,
}: {
  readonly run: RunDetail;
  readonly onChanged: () => void;
}): ReactElement | null {
  const { client } = useSession();
  const retryKey = useRef(crypto.randomUUID());
  if (!useMay('runs:steer')) return null;
  const steer = (verb: string) => async (): Promise<void> => {
    await client.send(`v1/runs/${run.id}/${verb}`, { method: 'POST' });
    onChanged();
  };
  const retry = async (): Promise<void> => {
    const ask = { method: 'POST', key: retryKey.current } as const;
    const { id } = await client.send<Run>(`v1/runs/${run.id}/retry`, ask);
    location.hash = hrefOf(['runs', id]);
  };
  if (run.endedAt !== null) {
    if (run.summary.steps.failed === 0 || run.retriedBy !== null) return null;
    return (
      <div className="buttons">
        <ConfirmButton name="Retry failed" said="A new run has begun." work={retry}>
          A new run does again what failed. It begins with what succeeded and writes nothing twice.
        </ConfirmButton>
      </div>
    );
  }
  return (
    <div className="buttons">
      {run.status === 'paused' ? (
        <ConfirmButton name="Resume" said="The run goes on." work={steer('resume')}>
          The run starts steps again.
        </ConfirmButton>
      ) : (
        <ConfirmButton name="Pause" said="The run pauses." work={steer('pause')}>
          Steps that run end; nothing more starts until somebody resumes the run.
        </ConfirmButton>
      )}
      <ConfirmButton
        name="Cancel run"
        isGrave
        said="The run is being cancelled."
        work={steer('cancel')}
      >
        Its steps end and the run with them. What it has written stays; it cannot be taken up again.
      </ConfirmButton>
    </div>
  );
}
