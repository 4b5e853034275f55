import { EngineError } from '../../base/errors.ts';
import type { Queryable } from './transaction.ts';

/*
 * Bodies at rest. Where a body is sealed, SQL hands it out as text that begins with a mark and says where it lies; whoever reads bodies asks
 * for `bodyText` and opens what it gets. A plain body is that text itself, and costs nothing.
 */

/** A run, by tenant and id. */
export interface RunRef {
  readonly tenantId: number;
  readonly id: string;
}

/** Where a sealed text lies: it opens nowhere else. */
export interface SealPlace {
  /** That of the payload, or `shown` for what a question shows. */
  readonly class: string;
  /** Within the run and its class: `placeOf`. */
  readonly place: string;
}

/** A body as it is stored. */
export interface StoredBody {
  /** Null: it lies there as it is. */
  readonly keyId: number | null;
  readonly body: Buffer;
}

/** What the bodies of one run are sealed with. */
export interface RunKeys {
  /** @throws ENCRYPTION_KEY for a class that has none */
  seal(at: SealPlace, text: Buffer | string): StoredBody;
}

/** Keys that are not stored yet: whoever asked for them does, by `newKeysSql`, in the transaction that needs them. */
export interface NewKeys extends RunKeys {
  readonly columns: readonly [
    classes: readonly string[],
    ids: readonly number[],
    masters: readonly string[],
    sealed: readonly Buffer[],
  ];
}

/** Seals and opens what is stored of runs. */
export interface Vault {
  /** The keys of a run, made where there are none; null: bodies are stored as they are. @throws ENCRYPTION_KEY · CONFIG_INVALID · DB_* */
  keysOf(run: RunRef): Promise<RunKeys | null>;
  /** New keys of a run, which whoever asks stores; null: bodies are stored as they are. @default classes all @throws ENCRYPTION_KEY · CONFIG_INVALID · DB_* */
  newKeys(run: RunRef, classes?: readonly string[]): Promise<NewKeys | null>;
  /**
   * Rows with what lay sealed in a column; null where it has been erased. Rows that have nothing sealed come back as they are.
   * @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_*
   */
  open<T extends object>(rows: readonly T[], column: keyof T): Promise<readonly T[]>;
  /** Forgets the keys of a run of which something is erased; other processes do within seconds. */
  forget(run: RunRef): void;
  /** Whether everything that lies sealed in the database can be read here: engines ask before they begin. @throws ENCRYPTION_KEY · CONFIG_INVALID · DB_* */
  check(pool: Queryable): Promise<void>;
}

/** Begins a sealed text. No JSON and no line that people have written does. */
const mark = '\u0001';

/** Of a payload, within its run and class. */
export const placeOf = (seq: number, part = 0): string => `${seq}.${part}`;

/** SQL: the body of row `p` of `tutti.payload`, as text, for `Vault.open`; null once it is erased. */
export const bodyText = (p: string): string =>
  `CASE WHEN ${p}.key_id IS NULL THEN convert_from(${p}.body, 'UTF8') ELSE ${sealedText(p)} END`;

/** SQL: the sealed body of row `p` of `tutti.payload`, with where it lies. */
export const sealedText = (p: string): string =>
  `chr(1) || ${p}.tenant_id || ' ' || ${p}.run_id || ' ' || ${p}.class || ' ' || ${p}.key_id || ' ' || ${p}.seq || '.' || ${p}.part || ' ' || encode(${p}.body, 'base64')`;

/** SQL: the master keys that data keys are sealed under. */
export const mastersSql = 'SELECT id FROM tutti.master_key ORDER BY at, id';

/** SQL: stores new keys of a run, `from` a row of which there is one or none: $first to $first + 3 are their columns. */
export const newKeysSql = (from: string, first: number): string =>
  `INSERT INTO tutti.data_key (tenant_id, run_id, class, id, master, sealed)
    SELECT r.tenant_id, r.run_id, k.* FROM ${from} r, unnest($${first}::text[], $${first + 1}::int[], $${first + 2}::text[], $${first + 3}::bytea[]) AS k`;

/** A sealed text, and where it lies. */
export interface SealedText extends SealPlace {
  readonly run: RunRef;
  readonly keyId: number;
  readonly body: Buffer;
}

/** Reads what `bodyText` gives; null: it is not sealed. */
export function readSealed(text: unknown): SealedText | null {
  if (!isSealed(text)) return null;
  const [tenantId, id = '', held = '', keyId, place = '', base64 = ''] = text.slice(1).split(' ');
  const run = { tenantId: Number(tenantId), id };
  return { run, class: held, keyId: Number(keyId), place, body: Buffer.from(base64, 'base64') };
}

function isSealed(text: unknown): text is string {
  return typeof text === 'string' && text.startsWith(mark);
}

/** Seals nothing, and says so where it meets what is sealed. */
const plain: Vault = {
  keysOf: async () => null,
  newKeys: async () => null,
  open: async (rows, column) => {
    const found = rows.map((row) => readSealed(row[column])).find((sealed) => sealed !== null);
    if (!found) return rows;
    throw new EngineError(
      'ENCRYPTION_KEY',
      `What is stored of run ${found.run.id} is encrypted, and this process has no key; let 'encryption' in the configuration name it.`,
    );
  },
  forget: () => {},
  check: async (pool) => {
    const { rows } = await pool.query<{ readonly id: string }>(mastersSql);
    const [master] = rows;
    if (!master) return;
    throw new EngineError(
      'ENCRYPTION_KEY',
      `What is stored in this database is encrypted under master key '${master.id}', and the configuration names none; name the variable that holds it in 'encryption', as keyFrom.`,
    );
  },
};

const vaults = new WeakMap<object, Vault>();

/** Gives a database, or a pool or connection of it, its vault. */
export function keepVault(of: object, vault: Vault): void {
  vaults.set(of, vault);
}

/** The vault of a database, or of one of its pools and connections. @default one that seals nothing */
export function vaultOf(of: object): Vault {
  return vaults.get(of) ?? plain;
}
