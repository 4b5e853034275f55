import type { SimDatabase } from './database.ts';
import type { Dice } from './dice.ts';

/** An engine that owns other runs: spends from the tenant's purses, or reserves of them, and has spent less in the end. */
export class Rival {
  /** Of every purse together. */
  spent = 0;
  /** By purse. */
  readonly reserved = new Map<string, number>();
  readonly #database: SimDatabase;
  readonly #note: (line: string) => void;

  constructor(database: SimDatabase, note: (line: string) => void) {
    this.#database = database;
    this.#note = note;
  }

  act(dice: Dice): void {
    if (this.reserved.size > 0 && dice.once(2)) return this.settle(dice);
    const isSpent = dice.once(2);
    for (const [name, purse] of this.#database.purses) {
      if (!name.includes(' tenant ')) continue;
      const free = Math.max(0, purse.limit - purse.reserved - purse.settled);
      const amount = dice.once(2) ? free : dice.below(free + 1);
      this.#note(`a rival ${isSpent ? 'spends' : 'reserves'} ${amount}`);
      if (isSpent) {
        purse.settled += amount;
        this.spent += amount;
      } else {
        purse.reserved += amount;
        this.reserved.set(name, (this.reserved.get(name) ?? 0) + amount);
      }
    }
  }

  settle(dice: Dice): void {
    for (const [name, amount] of this.reserved) {
      const purse = this.#database.purses.get(name);
      if (!purse) continue;
      const cost = dice.below(amount + 1);
      this.#note(`a rival has spent ${cost} of ${amount}`);
      purse.reserved -= amount;
      purse.settled += cost;
      this.spent += cost;
    }
    this.reserved.clear();
  }
}
