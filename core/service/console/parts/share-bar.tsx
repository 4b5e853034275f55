import type { ReactElement } from 'react';

/** How much of something is used: parts of a whole, drawn one after the other. */
export function ShareBar({
  label,
  whole,
  parts,
}: {
  readonly label: string;
  readonly whole: number;
  readonly parts: readonly { readonly tone: string; readonly size: number }[];
}): ReactElement {
  const width = (size: number): number => (whole > 0 ? Math.min(100, (100 * size) / whole) : 0);
  let from = 0;
  return (
    <svg
      className="share"
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <rect className="rest" width="100" height="6" />
      {parts.map(({ tone, size }) => {
        const x = from;
        from = Math.min(100, from + width(size));
        return <rect key={tone} className={tone} x={x} width={from - x} height="6" />;
      })}
    </svg>
  );
}
