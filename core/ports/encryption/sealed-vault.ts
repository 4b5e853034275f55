import type pg from 'pg';
import {
  mastersSql,
  newKeysSql,
  type RunRef,
  readSealed,
  type SealedText,
  type Vault,
} from '../db/vault.ts';
import {
  type DataKey,
  type DataKeyRow,
  keyClasses,
  makeKeys,
  openBody,
  openKey,
  sealWith,
  unknownMaster,
} from './data-keys.ts';
import type { MasterKeys } from './master-keys.ts';

/** Data keys in memory, and how long: a night has six, and what another process erases is forgotten here, too. */
const keptKeys = 20_000;
const keptMs = 10_000;
/** Bodies that are opened before others go first: a few milliseconds of a slow core. */
const atOnce = 500;

/** What a vault works with. */
export interface VaultParts {
  /** A pool that acts as `tutti_engine`, opened when it is needed. */
  readonly pool: () => pg.Pool;
  /** Read when they are needed: who meets nothing sealed needs no key. */
  readonly masters: () => MasterKeys;
}

/** Seals what is stored of runs under keys of theirs, which lie in the database sealed under the master key. */
export function sealedVault(parts: VaultParts): Vault {
  const keys = new KeyReader(parts);
  const { pool, masters } = parts;
  const note = (): Promise<unknown> =>
    pool().query('INSERT INTO tutti.master_key (id) VALUES ($1) ON CONFLICT DO NOTHING', [
      masters().current.id,
    ]);
  return {
    async keysOf(run) {
      const known = await keys.ofRun(run);
      const wanted = keyClasses.filter((each) => !known.some((key) => key.class === each));
      if (wanted.length === 0) return sealWith(run, known);
      await note();
      const { columns } = makeKeys(run, masters().current, wanted);
      const text = newKeysSql('(SELECT $1::int AS tenant_id, $2::uuid AS run_id)', 3);
      await pool().query(text, [run.tenantId, run.id, ...columns]);
      return sealWith(run, await keys.ofRun(run));
    },
    async newKeys(run, classes) {
      await note();
      return makeKeys(run, masters().current, classes);
    },
    async open(rows, column) {
      const sealed = new Map(
        rows.flatMap((row) => {
          const found = readSealed(row[column]);
          return found ? [[row, found] as const] : [];
        }),
      );
      if (sealed.size === 0) return rows;
      const known = await keys.of([...sealed.values()]);
      const texts = await openedTexts(sealed, known);
      return rows.map((row) => (sealed.has(row) ? { ...row, [column]: texts.get(row) } : row));
    },
    forget: (run) => keys.forget(run),
    async check(pool) {
      const { all } = masters();
      const { rows } = await pool.query<{ readonly id: string }>(mastersSql);
      const unknown = rows.find(({ id }) => !all.has(id));
      if (unknown) throw unknownMaster(unknown.id);
    },
  };
}

/** The texts of sealed bodies; null where a body's key is gone, with which it was erased. */
async function openedTexts<T>(
  sealed: ReadonlyMap<T, SealedText>,
  keys: ReadonlyMap<string, Buffer>,
): Promise<ReadonlyMap<T, string | null>> {
  const texts = new Map<T, string | null>();
  for (const [row, each] of sealed) {
    const key = keys.get(nameOf(each.run, { class: each.class, id: each.keyId }));
    texts.set(row, key ? openBody(each, key).toString('utf8') : null);
    if (texts.size % atOnce === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return texts;
}

const nameOf = (run: RunRef, key: Pick<DataKey, 'class' | 'id'>): string =>
  `${run.tenantId} ${run.id} ${key.class} ${key.id}`;

/** Reads data keys, and keeps those that were read last. */
class KeyReader {
  readonly #parts: VaultParts;
  readonly #kept = new Map<string, { readonly key: Buffer; readonly until: number }>();

  constructor(parts: VaultParts) {
    this.#parts = parts;
  }

  /** The keys that open some texts, by their names; without those that are erased. @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_* */
  async of(texts: readonly SealedText[]): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    const unknown = new Map<string, RunRef>();
    for (const { run, class: held, keyId } of texts) {
      const name = nameOf(run, { class: held, id: keyId });
      const kept = this.#kept.get(name);
      if (kept && kept.until > performance.now()) found.set(name, kept.key);
      else unknown.set(`${run.tenantId} ${run.id}`, run);
    }
    for (const row of await this.#rows([...unknown.values()])) {
      const run = { tenantId: row.tenant_id, id: row.run_id };
      found.set(nameOf(run, row), this.#keep(nameOf(run, row), row));
    }
    return found;
  }

  /** All keys of a run, as the database has them now. @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_* */
  async ofRun(run: RunRef): Promise<readonly DataKey[]> {
    const rows = await this.#rows([run]);
    return rows.map((row) => ({
      ...{ class: row.class, id: row.id, key: this.#keep(nameOf(run, row), row) },
    }));
  }

  async #rows(runs: readonly RunRef[]): Promise<readonly DataKeyRow[]> {
    if (runs.length === 0) return [];
    const { rows } = await this.#parts.pool().query<DataKeyRow>(
      `SELECT k.* FROM unnest($1::int[], $2::uuid[]) AS r (tenant_id, run_id) JOIN tutti.data_key k USING (tenant_id, run_id)
       ORDER BY k.class, k.id`,
      [runs.map(({ tenantId }) => tenantId), runs.map(({ id }) => id)],
    );
    return rows;
  }

  /** Forgets the keys of a run. */
  forget(run: RunRef): void {
    const prefix = nameOf(run, { class: '', id: 0 }).slice(0, -2);
    for (const name of this.#kept.keys()) if (name.startsWith(prefix)) this.#kept.delete(name);
  }

  #keep(name: string, row: DataKeyRow): Buffer {
    const key = this.#kept.get(name)?.key ?? openKey(row, this.#parts.masters());
    this.#kept.delete(name);
    this.#kept.set(name, { key, until: performance.now() + keptMs });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptKeys && oldest !== undefined) this.#kept.delete(oldest);
    return key;
  }
}
