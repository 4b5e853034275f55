import { visible } from './answer.ts';

const maxTables = 20;
const maxRows = 200;
const maxColumns = 30;
const maxCell = 500;

/** The tables of a page, gathered on the way through it. What a table in a cell says is its own. */
export class PageTables {
  readonly all: string[][][] = [];
  hasMore = false;
  /** Those around the present place, the inner last; null for one too many. */
  readonly #open: (string[][] | null)[] = [];
  readonly #cells: string[][] = [];

  enter(name: string): void {
    if (name === 'table') this.#begin();
    if (this.#open.length === 0) return;
    if (name === 'tr') this.#table?.push([]);
    if (name === 'td' || name === 'th') this.#cells[this.#open.length - 1] = [];
  }

  leave(name: string): void {
    if (name === 'table') {
      this.#open.pop();
      this.#cells.length = this.#open.length;
    }
    if (name === 'td' || name === 'th') this.#take();
  }

  say(said: string): void {
    this.#cells[this.#open.length - 1]?.push(said);
  }

  get #table(): string[][] | null | undefined {
    return this.#open.at(-1);
  }

  #begin(): void {
    const table: string[][] | null = this.all.length < maxTables ? [] : null;
    if (table) this.all.push(table);
    else this.hasMore = true;
    this.#open.push(table);
    this.#cells.push([]);
  }

  #take(): void {
    const said = this.#cells[this.#open.length - 1];
    const table = this.#table;
    const row = table?.at(-1);
    if (!said || !table || !row) return;
    if (table.length > maxRows || row.length === maxColumns) {
      this.hasMore = true;
      if (table.length > maxRows) table.pop();
      return;
    }
    const cell = visible(said.join('')).replace(/\s+/g, ' ').trim();
    if (cell.length > maxCell) this.hasMore = true;
    row.push(cell.slice(0, maxCell).toWellFormed());
    this.#cells[this.#open.length - 1] = [];
  }
}
