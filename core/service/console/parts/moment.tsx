import type { ReactElement } from 'react';

const local = new Intl.DateTimeFormat('en-GB', {
  ...({ day: '2-digit', month: 'short', year: 'numeric' } as const),
  ...({ hour: '2-digit', minute: '2-digit', second: '2-digit' } as const),
});

/** The reader's own zone, with its offset from UTC now. */
export function zoneName(): string {
  const { timeZone } = local.resolvedOptions();
  const parts = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'longOffset' }).formatToParts();
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return offset === 'GMT' || offset === ''
    ? timeZone
    : `${timeZone} (${offset.replace('GMT', 'UTC')})`;
}

/** A moment by the reader's clock; hovering shows it in UTC. */
export function Moment({ at }: { readonly at: string | null }): ReactElement {
  if (at === null) return <span className="soft">–</span>;
  return (
    <time
      className="moment"
      dateTime={at}
      title={`${at.replace('T', ' ').replace(/\.\d+Z$|Z$/, '')} UTC`}
    >
      {local.format(new Date(at)).replace(',', '')}
    </time>
  );
}
