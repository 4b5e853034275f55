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
export function printGolden({ tables, ...head }: Golden): string {
  const rows = goldenTables.flatMap((table) => tables[table].map((row) => ({ table, row })));
  return [head, ...rows].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Reads what `printGolden` wrote. */
export function parseGolden(text: string): Golden {
  const [head, ...rows] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const tables = Object.fromEntries(
    goldenTables.map((name) => [
      name,
      rows.filter(({ table }) => table === name).map(({ row }) => row),
    ]),
  );
  return { ...head, tables };
}
