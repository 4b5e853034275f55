import type pg from 'pg';

/** A run as a release left it: rows of its tables, and what it had done outside. */
export interface Golden {
  /** What the run was made with. */
  readonly made: {
    readonly release: string;
    readonly schema: number;
    readonly journal: number;
    readonly by: 'playbooks' | 'models';
    /** Where its engines were killed, in turn. */
    readonly killed: readonly string[];
  };
  /** Lines of the log that its tool writes: key and id. */
  readonly outside: readonly string[];
  /** What it had written into the embedded ERP: the notes, and the commands that the ERP knows again. */
  readonly books: readonly (
    | { readonly note: { readonly tenant: number; readonly id: string; readonly number: string } }
    | { readonly command: Readonly<Record<string, unknown>> }
  )[];
  readonly tables: Readonly<Record<GoldenTable, readonly Readonly<Record<string, unknown>>[]>>;
}

/** The tables that a run leaves rows in; each after those that it refers to. */
export const goldenTables = [
  'tenant',
  'engine',
  'definition',
  'run',
  'step',
  'attempt',
  'entry',
  'payload',
  'effect',
  'budget',
  'ledger',
  'finding',
] as const;
export type GoldenTable = (typeof goldenTables)[number];

const order: Partial<Record<GoldenTable, string>> = {
  step: 'id',
  attempt: 'step, no',
  entry: 'seq',
  payload: 'seq, part',
  effect: 'seq',
  ledger: 'seq',
  finding: 'seq',
  budget: 'period, scope',
};

/** Reads the rows of a database that holds one run; bodies as text, other bytes as hex. */
export async function readTables(client: pg.Client): Promise<Golden['tables']> {
  const tables = {} as Record<GoldenTable, readonly Readonly<Record<string, unknown>>[]>;
  for (const table of goldenTables) {
    const row =
      table === 'payload'
        ? `to_jsonb(t) || jsonb_build_object('body', convert_from(t.body, 'UTF8'))`
        : 'to_jsonb(t)';
    const by = order[table] ? `ORDER BY ${order[table]}` : '';
    const { rows } = await client.query<{ row: Readonly<Record<string, unknown>> }>(
      `SELECT ${row} AS row FROM tutti.${table} t ${by}`,
    );
    tables[table] = rows.map((each) => each.row);
  }
  return tables;
}

/** Reads what a run has written into the embedded ERP; as the owner, who sees every tenant outside of row-level security. */
export async function readBooks(client: pg.Client): Promise<Golden['books']> {
  const { rows } = await client.query<{ book: Golden['books'][number] }>(
    `SELECT jsonb_build_object('note', jsonb_build_object('tenant', tenant_id, 'id', id, 'number', number)) AS book FROM erp.gold_note
     UNION ALL SELECT jsonb_build_object('command', to_jsonb(c)) FROM erp.command c`,
  );
  return rows.map(({ book }) => book);
}

/** Between the ids of the notes of two runs that are put together. */
const noteStride = 1_000;

/** Runs of one release and tenant in one database, as if its engines had left all of them: what they share is there once, purses hold what all have spent. */
export function together(goldens: readonly Golden[]): Golden {
  const [first] = goldens;
  if (!first) throw new Error('no runs');
  const all = (table: GoldenTable) => goldens.flatMap(({ tables }) => tables[table]);
  const purses = Map.groupBy(all('budget'), ({ scope, period }) => `${scope} ${period}`);
  const budget = [...purses.values()].map((rows) => ({
    ...rows[0],
    settled_micro_usd: total(rows, 'settled_micro_usd'),
    reserved_micro_usd: total(rows, 'reserved_micro_usd'),
  }));
  const tables = {} as Record<GoldenTable, readonly Readonly<Record<string, unknown>>[]>;
  for (const table of goldenTables) tables[table] = all(table);
  return {
    made: first.made,
    outside: goldens.flatMap(({ outside }) => outside),
    books: goldens.flatMap(({ books }, index) => books.map(movedBy(index * noteStride))),
    tables: {
      ...tables,
      tenant: first.tables.tenant,
      definition: first.tables.definition,
      budget,
    },
  };
}

function total(rows: readonly Readonly<Record<string, unknown>>[], column: string): number {
  return rows.reduce((sum, row) => sum + Number(row[column]), 0);
}

/** The same book whose note has another id. */
function movedBy(by: number): (book: Golden['books'][number]) => Golden['books'][number] {
  const moved = (id: string): string => String(Number(id) + by);
  return (book) => {
    if ('note' in book) return { note: { ...book.note, id: moved(book.note.id) } };
    const outcome = book.command.outcome as { readonly id: string } | null;
    return {
      command: { ...book.command, outcome: outcome && { ...outcome, id: moved(outcome.id) } },
    };
  };
}

/** Writes it again, once the present release has made the tables of its modules. */
export async function writeBooks(client: pg.ClientBase, { books }: Golden): Promise<void> {
  for (const book of books) {
    if ('command' in book)
      await client.query(
        'INSERT INTO erp.command SELECT * FROM jsonb_populate_record(null::erp.command, $1)',
        [JSON.stringify(book.command)],
      );
    else
      await client.query('INSERT INTO erp.gold_note (tenant_id, id, number) VALUES ($1, $2, $3)', [
        book.note.tenant,
        book.note.id,
        book.note.number,
      ]);
  }
  // Ids go on behind those that the notes have.
  await client.query(
    `SELECT setval('erp.record_id', nextval('erp.record_id') + 100 * ${noteStride})`,
  );
}

/** Writes a golden run into an empty database of the schema that it was made with. */
export async function writeTables(client: pg.Client, golden: Golden): Promise<void> {
  for (const table of goldenTables) {
    for (const row of golden.tables[table]) {
      const { body, ...rest } = row;
      const isBody = table === 'payload' && typeof body === 'string';
      const bytes = isBody ? `\\x${Buffer.from(body).toString('hex')}` : body;
      const stored = body === undefined ? rest : { ...rest, body: bytes };
      const columns = Object.keys(stored).join(', ');
      await client.query(
        `INSERT INTO tutti.${table} (${columns}) SELECT ${columns} FROM jsonb_populate_record(null::tutti.${table}, $1)`,
        [JSON.stringify(stored)],
      );
    }
  }
}

/** A golden run as lines of JSON: what it was made with, then a row a line. */
export function printGolden({ tables, books, ...head }: Golden): string {
  const rows = goldenTables.flatMap((table) => tables[table].map((row) => ({ table, row })));
  return [head, ...rows, ...books.map((book) => ({ book }))]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

/** Reads what `printGolden` wrote. */
export function parseGolden(text: string): Golden {
  const [head, ...rows] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const books = rows.flatMap(({ book }) => book ?? []);
  const tables = Object.fromEntries(
    goldenTables.map((name) => [
      name,
      rows.filter(({ table }) => table === name).map(({ row }) => row),
    ]),
  );
  return { ...head, tables, books };
}
