import { Kept } from '../loop/kept.ts';
import { keepsBack } from '../loop/refused-call.ts';
import type { Waiting } from '../loop/waiting.ts';
import type { Run } from '../run/run.ts';
import { goesBefore, lineOf } from '../schedule/line.ts';
import type { Ready } from '../schedule/ready.ts';
import type { Surroundings } from './surroundings.ts';

/** Work in its place in the queue, or where it would stand. */
export type Placed = Ready & { readonly owner: Run };

/** Who stands before whom in the ready queue, worked out once for all of it: O(n log n), then O(log n) a question. */
export class LineUp {
  readonly #lines = new Map<string, Waiting[]>();
  /** How many steps ask for their next call, by model. */
  readonly #followUps = new Map<string | null, number>();
  /** What those are refused that could have a slot: nothing new starts there, as in the engine's admission. */
  readonly #kept = new Kept();

  constructor({ scheduler, broker }: Pick<Surroundings, 'scheduler' | 'broker'>) {
    for (const item of scheduler.values()) {
      const name = lineOf(item);
      const line = this.#lines.get(name);
      if (line) line.push(item);
      else this.#lines.set(name, [item]);
      if (item.kind === 'turn')
        this.#followUps.set(item.model, (this.#followUps.get(item.model) ?? 0) + 1);
    }
    for (const line of this.#lines.values()) {
      line.sort((a, b) => (goesBefore(a, b) ? -1 : 1));
      const [first] = line as [Waiting];
      if (first.kind !== 'turn' || scheduler.blocker(first)) continue;
      const refusal = broker.refusal(first.wish);
      if (refusal && keepsBack(refusal, true)) this.#kept.keep(first, refusal);
    }
  }

  /** How many go before something that waits, or would wait now: those ahead in its line, and follow-ups that its model is kept for. */
  ahead(item: Placed): number {
    const isKept = item.service !== 'follow_up' && this.#kept.from(item);
    const before = isKept ? (this.#followUps.get(item.model) ?? 0) : 0;
    return placeIn(this.#lines.get(lineOf(item)) ?? [], item) + before;
  }
}

function placeIn(line: readonly Ready[], item: Ready): number {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (goesBefore(line[middle] as Ready, item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
