import { isOfModel } from '../run/kept.ts';
import type { Waiting } from '../run/waiting.ts';
import { goesBefore, lineOf } from '../schedule/line.ts';
import type { Ready } from '../schedule/ready.ts';
import type { Surroundings } from './surroundings.ts';

/** Who stands before whom in the ready queue, worked out once for all of it: O(n log n), then O(log n) a question. */
export class LineUp {
  readonly #lines = new Map<string, Waiting[]>();
  readonly #followUps = new Map<string | null, number>();
  /** Models that a follow-up waits for although it could have a slot: nothing new starts there. */
  readonly #kept = new Set<string | null>();

  constructor({
    scheduler,
    turns,
    launcher,
  }: Pick<Surroundings, 'scheduler' | 'turns' | 'launcher'>) {
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
      const registered = launcher.agentOf(first.step);
      const refused = turns.refusalOf(first, registered);
      if (refused && isOfModel(refused.scope)) this.#kept.add(first.model);
    }
  }

  /** How many go before something that waits, or would wait now: those ahead in its line, and follow-ups that its model is kept for. */
  ahead(item: Ready): number {
    const line = this.#lines.get(lineOf(item)) ?? [];
    const isKept =
      item.service !== 'follow_up' && item.model !== null && this.#kept.has(item.model);
    return placeIn(line, item) + (isKept ? (this.#followUps.get(item.model) ?? 0) : 0);
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
