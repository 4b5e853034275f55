import type { Clock } from '../../base/clock.ts';
import { type ErrorData, toErrorData } from '../../base/errors.ts';
import { type EntryInput, nextEntry } from '../journal/entries.ts';
import type { Change } from '../journal/rows.ts';
import { checkItems } from '../plan/bound.ts';
import type { Next } from '../run/next.ts';
import type { Run } from '../run/run.ts';
import type { Container } from '../run/step.ts';
import { Looks } from './looks.ts';

/** What a foreach is opened with, as the run loop does it. */
export interface ExpansionParts {
  readonly clock: Clock;
  /** What it runs over. */
  readonly itemsOf: (run: Run, container: Container) => Promise<readonly unknown[]>;
  /** Whether the loop still does anything. */
  readonly isOn: () => boolean;
  readonly write: (change: Change) => void;
  readonly note: (run: Run, entry: EntryInput) => void;
  readonly follow: (run: Run, next: readonly Next[]) => void;
  /** It has no items that its agent could take. */
  readonly failed: (run: Run, container: Container, error: ErrorData) => void;
  /** Something may start that could not. */
  readonly changed: () => void;
}

/** Opens the items of a foreach: read, counted and recorded before any of them is released. */
export class Expansion {
  readonly #parts: ExpansionParts;
  readonly #looks: Looks;

  constructor(parts: ExpansionParts) {
    this.#parts = parts;
    this.#looks = new Looks(parts);
  }

  /** Never throws; what cannot be read for now is read again. */
  async open(run: Run, container: Container): Promise<void> {
    const { clock, itemsOf, write, follow, failed } = this.#parts;
    const { step } = container;
    if (!this.#isWanted(container)) return;
    try {
      const values = await itemsOf(run, container);
      if (!this.#isWanted(container)) return;
      checkItems(run.facts.plan, container.node, { values, scope: run.scope() });
      const next = run.expand(container, values, clock.now());
      const opened: EntryInput = {
        step,
        kind: 'foreach.expanded',
        data: { items: values.length, ...batchesIn(container) },
        body: { class: 'input', text: JSON.stringify(values) },
      };
      write({ run, step, entries: [nextEntry(run, opened)] });
      follow(run, next);
    } catch (error) {
      const data = toErrorData(error);
      if (!this.#isWanted(container)) return;
      const again = () => this.open(run, container);
      if (!this.#looks.again({ run, step }, data, again)) failed(run, container, data);
    }
  }

  #isWanted({ step }: Container): boolean {
    return step.status === 'running' && this.#parts.isOn();
  }
}

/** How many batches the items stand in, where they do. */
function batchesIn({ node, items }: Container): { readonly batches?: number } {
  return node.batch ? { batches: items.length } : {};
}
