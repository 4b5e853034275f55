/** Maps a value between 0 and `to` onto `from` … `from + span` pixels. */
export function scale(
  to: number,
  at: { readonly from: number; readonly span: number },
): (value: number) => number {
  return (value) => round(at.from + (to === 0 ? 0 : (value / to) * at.span));
}

const steps = [1, 2, 5, 10];

/** Four to eight round values from 0 up to `to`; `units` are the sizes that count as round above 10, such as 60 for time in s. */
export function ticks(to: number, units: readonly number[] = []): readonly number[] {
  if (to <= 0) return [0];
  const candidates = [...units];
  for (let power = -3; power <= 9; power += 1)
    for (const step of steps) candidates.push(step * 10 ** power);
  const fitting = candidates.filter((each) => to / each <= 8).sort((a, b) => a - b);
  const size = fitting[0] ?? to;
  return Array.from({ length: Math.floor(to / size + 1e-9) + 1 }, (_, index) => index * size);
}

/** Two places are a hundredth of a pixel: more only makes the page longer. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** How many intervals are open over time: one point wherever the number changes, in order. */
export function countOpen(
  intervals: readonly { readonly fromMs: number; readonly toMs: number }[],
): readonly { readonly atMs: number; readonly open: number }[] {
  const changes = new Map<number, number>();
  for (const { fromMs, toMs } of intervals) {
    // An agent that ended within the millisecond in which it began still ran.
    const endMs = Math.max(toMs, fromMs + 1);
    changes.set(fromMs, (changes.get(fromMs) ?? 0) + 1);
    changes.set(endMs, (changes.get(endMs) ?? 0) - 1);
  }
  let open = 0;
  return [...changes]
    .sort(([a], [b]) => a - b)
    .map(([atMs, change]) => {
      open += change;
      return { atMs, open };
    });
}
