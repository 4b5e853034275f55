import { Day, type Row } from 'tutti';

/** Orders at most as many days apart may be one need that was ordered in parts. */
const runDays = 5;

type Order = Pick<Row<'purchase_order'>, 'buyer' | 'vendor' | 'company' | 'date'>;

/**
 * Groups orders by buyer, vendor and company into runs: each order at most five days after the one before. Orders come in
 * the order of their dates; runs of one are left out.
 */
export function splitRuns<O extends Order>(orders: readonly O[]): (readonly [O, ...O[]])[] {
  const runs = new Map<string, [O, ...O[]]>();
  const finished: [O, ...O[]][] = [];
  for (const order of orders) {
    const key = JSON.stringify([order.company, order.buyer, order.vendor]);
    const run = runs.get(key);
    const last = run?.at(-1);
    if (run && last && Day.between(last.date, order.date) <= runDays) {
      run.push(order);
      continue;
    }
    const started: [O, ...O[]] = [order];
    runs.set(key, started);
    finished.push(started);
  }
  return finished.filter((run) => run.length > 1);
}
