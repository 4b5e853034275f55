import { type ReactElement, useState } from 'react';
import type { Page, Stop } from '../api/shapes.ts';
import { useMay, useSession } from '../app/session.ts';
import { useResource } from '../app/use-resource.ts';
import { ConfirmButton } from '../parts/confirm-button.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { type Column, Table } from '../parts/table.tsx';

const everyMs = 3_000;

/** What is stopped; whoever may sets and lifts stops. */
export function StopList(): ReactElement {
  const stops = useResource<Page<Stop>>('v1/stops', everyMs);
  const mayLift = useMay('authority:lift');
  const columns: readonly Column<Stop>[] = [
    { head: 'Stopped', cell: ({ reach }) => reach },
    { head: 'Why', cell: ({ reason }) => reason || '–' },
    { head: 'By', cell: ({ actor }) => actor.id },
    { head: 'Since', cell: ({ at }) => <Moment at={at} /> },
    ...(mayLift
      ? [
          {
            head: 'Lift',
            cell: (stop: Stop) => <Lift stop={stop} onLifted={stops.refresh} />,
          },
        ]
      : []),
  ];
  return (
    <section>
      <h2>Stops</h2>
      <Loaded from={stops}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyNote>Nothing is stopped.</EmptyNote>
          ) : (
            <Table label="Stops" columns={columns} rows={items} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      <NewStop onSet={stops.refresh} />
    </section>
  );
}

function Lift({
  stop,
  onLifted,
}: {
  readonly stop: Stop;
  readonly onLifted: () => void;
}): ReactElement {
  const { client } = useSession();
  const lift = async (): Promise<void> => {
    await client.send(`v1/stops/${encodeURIComponent(stop.reach)}`, { method: 'DELETE' });
    onLifted();
  };
  return (
    <ConfirmButton name="Lift" about={stop.reach} said="The stop was lifted." work={lift}>
      What waited for the stop of <code>{stop.reach}</code> goes on.
    </ConfirmButton>
  );
}

function NewStop({ onSet }: { readonly onSet: () => void }): ReactElement | null {
  const { client } = useSession();
  const [reach, setReach] = useState('tenant');
  const [reason, setReason] = useState('');
  if (!useMay('authority:stop')) return null;
  const stop = async (): Promise<void> => {
    const path = `v1/stops/${encodeURIComponent(reach.trim())}`;
    await client.send(path, { method: 'PUT', body: { reason: reason.trim() } });
    onSet();
  };
  return (
    <ConfirmButton name="Stop agents" isGrave said="The stop stands." work={stop}>
      <p>
        Nothing of what it reaches starts or writes any more, on any engine, until it is lifted.
      </p>
      <label className="field">
        <span>
          What: <code>tenant</code>, <code>module:NAME</code>, <code>agent:NAME</code>
        </span>
        <input value={reach} onChange={({ target }) => setReach(target.value)} />
      </label>
      <label className="field">
        <span>Why</span>
        <input
          value={reason}
          maxLength={2_000}
          onChange={({ target }) => setReason(target.value)}
        />
      </label>
    </ConfirmButton>
  );
}
