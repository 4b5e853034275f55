import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { RecalledCall } from './broker.ts';
import type { Gate, SharedLine } from './gate.ts';
import type { Permits } from './permits.ts';
import { recentCalls } from './recent-calls.ts';
import { type ShareWish, shareOut } from './share-out.ts';
import {
  countedOf,
  dropAll,
  dropRows,
  hasOthers,
  longestSpanMs,
  readBook,
  type ShareBook,
  type ShareRow,
  sharingMark,
  writeRows,
} from './share-rows.ts';

/** What the shares of an engine work with. */
export interface SharesParts {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  /** The engine's boot id; its row is there before the first balance. */
  readonly boot: string;
  readonly permits: Permits;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Calls of the last minute, by engines that are gone: they count in its windows. */
  readonly recall: (calls: readonly RecalledCall[]) => void;
}

/** Between what is read here and what the database's clock says when it is written, at most. */
const marginMs = 2_000;
/** What is under way counts until it is looked at again, which is a second later; and so long when its engine stands still. */
const underWayMs = 600_000;

interface Line extends SharedLine {
  readonly resource: string;
  readonly gate: Gate;
}

/**
 * What this engine may use of the limits that all engines of a database share. Each engine writes only its own rows, and under
 * one lock takes at most what all others leave: what they hold, what they have used while they held more, and what an engine
 * that is gone held, until the window of that use has passed. So the sum of what counts never exceeds a limit.
 *
 *     waiting (holds nothing) ──nobody else is there──▶ alone (holds everything, no rows, one look a second)
 *        └──somebody is──▶ sharing (rows, balanced every second by demand) ◀──somebody came── ┘
 *
 * The lock is one for all limits, not one for each: a balance is then one transaction, and no two engines can wait for each other.
 */
export class Shares {
  readonly #parts: SharesParts;
  #state: 'waiting' | 'alone' | 'sharing' = 'waiting';
  #balancing: Promise<void> = Promise.resolve();

  constructor(parts: SharesParts) {
    this.#parts = parts;
    parts.permits.holdPart(0);
  }

  get state(): 'waiting' | 'alone' | 'sharing' {
    return this.#state;
  }

  /** Takes what it needs and gives what others need; once when the engine starts, then once a second. @throws DB_* */
  balance(): Promise<void> {
    const balanced = this.#balancing.then(() => this.#balance());
    this.#balancing = balanced.catch(() => {});
    return balanced;
  }

  /** Gives everything up but what was used; after it nothing is granted any more. @throws DB_* */
  async close(): Promise<void> {
    await this.#balancing;
    const { pool, boot, permits } = this.#parts;
    const isSharing = this.#state === 'sharing';
    this.#state = 'waiting';
    permits.holdPart(0);
    for (const { gate, kind } of this.#lines()) gate.hold(kind, 0);
    // Alone it has no rows: whoever comes next reads from the journal what it has used.
    if (!isSharing) return;
    await inTransaction(pool, async (client) => {
      const { at } = await readBook(client, boot);
      await writeRows(
        client,
        boot,
        this.#lines().map((line) => rowOf(line, 0, { at, fedAt: at })),
      );
    });
  }

  async #balance(): Promise<void> {
    const { pool, boot } = this.#parts;
    try {
      if (this.#state === 'alone' && !(await hasOthers(pool, boot))) return;
      const grow = await inTransaction(pool, async (client) => this.#settle(client));
      // What is more than before may be used now that it is written.
      grow();
    } catch (error) {
      throw translateDbError(error);
    }
  }

  /** One turn at the book; returns what to do when it is written. */
  async #settle(client: pg.ClientBase): Promise<() => void> {
    const { boot, permits } = this.#parts;
    const book = await readBook(client, boot);
    const isAlone = book.others.every(({ isGone }) => isGone);
    if (isAlone && this.#state === 'waiting') return this.#inherit(client);
    if (isAlone && !isAnyCounted(book)) {
      await dropRows(client, boot);
      return () => {
        this.#state = 'alone';
        permits.holdPart(1);
      };
    }
    const lines = this.#lines();
    const rows = lines.map((line) => this.#rowOf(line, book));
    // From here on it is granted what is in both: what it had, as others read it, and what it will have.
    this.#state = 'sharing';
    permits.holdPart(0);
    lines.forEach((line, at) => {
      const { amount } = rows[at] as ShareRow;
      line.gate.hold(line.kind, Math.min(amount, line.held));
    });
    await dropRows(client);
    await writeRows(client, boot, [markAt(book.at), ...rows]);
    return () => {
      lines.forEach(({ gate, kind }, at) => {
        gate.hold(kind, (rows[at] as ShareRow).amount);
      });
    };
  }

  /** Nobody else is there, and it has used nothing yet: it takes everything, with the last minute of those who are gone. */
  async #inherit(client: pg.ClientBase): Promise<() => void> {
    const { permits, recall } = this.#parts;
    const calls = await recentCalls(client);
    await dropAll(client);
    return () => {
      this.#state = 'alone';
      recall(calls);
      permits.holdPart(1);
    };
  }

  #lines(): readonly Line[] {
    const now = this.#parts.clock.monotonic();
    return this.#parts.permits.shared.flatMap(([resource, gate]) =>
      gate.shared(now).map((line) => ({ ...line, resource, gate })),
    );
  }

  #rowOf(line: Line, { at, others, rows }: ShareBook): Omit<ShareRow, 'engine'> {
    const { boot } = this.#parts;
    const { resource, kind, unit } = line;
    const whole = Math.floor(line.whole);
    const known = new Map(
      rows
        .filter((row) => row.resource === resource && row.kind === kind)
        .map((row) => [row.engine, row]),
    );
    const counted = others.reduce(
      (sum, other) => sum + countedOf(other, known.get(other.id), { at, whole }),
      0,
    );
    const fedAt = known.get(boot)?.fedAt ?? at;
    const wishes: readonly ShareWish[] = [
      { engine: boot, demand: demandOf(line), unit, fedAt },
      ...others.flatMap(({ id, isGone }) => (isGone ? [] : (known.get(id) ?? []))),
    ];
    const share = shareOut(whole, wishes).get(boot) as number;
    const amount = Math.max(0, Math.min(share, whole - counted));
    return rowOf(line, amount, { at, fedAt: amount >= Math.min(unit, whole) ? at : fedAt });
  }
}

function rowOf(
  line: Line,
  amount: number,
  { at, fedAt }: { readonly at: number; readonly fedAt: number },
): Omit<ShareRow, 'engine'> {
  const { resource, kind, unit, used, spanMs } = line;
  return {
    resource,
    kind,
    amount,
    used: Math.max(0, Math.ceil(used)),
    usedUntil: at + (spanMs === null ? underWayMs : spanMs + marginMs),
    spanMs: spanMs === null ? longestSpanMs : spanMs + marginMs,
    demand: demandOf(line),
    unit: Math.ceil(unit),
    fedAt,
  };
}

/** Who had to wait could use all; who had not goes on as in the last minute, with a little room to grow. */
function demandOf({ isWanted, whole, used, unit }: SharedLine): number {
  if (isWanted) return Math.floor(whole);
  return used === 0 ? 0 : Math.min(Math.floor(whole), Math.ceil(used * 1.25 + unit));
}

/** Whether anything of engines that are gone still counts. */
function isAnyCounted({ at, others, rows }: ShareBook): boolean {
  return others.some((other) => {
    const own = rows.filter(({ engine }) => engine === other.id);
    const all = own.length === 0 ? [undefined] : own;
    return all.some((row) => countedOf(other, row, { at, whole: 1 }) > 0);
  });
}

function markAt(at: number): Omit<ShareRow, 'engine'> {
  const nothing = { amount: 0, used: 0, demand: 0, unit: 0, fedAt: at };
  return { ...sharingMark, ...nothing, usedUntil: at, spanMs: longestSpanMs };
}
