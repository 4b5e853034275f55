import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { type AuditKeyPlace, openAuditKey, readAuditKey } from '../../ports/audit-key.ts';
import type { Actor } from '../run/request.ts';
import { type ChainEnd, chainStart } from './chain.ts';
import { type Head, type SignedHead, signHead } from './head.ts';
import { type AuditRow, headLineOf, lineOf } from './line.ts';
import { type Verdict, verifyChain } from './verify.ts';

/** A row of the audit log, as people and programs are shown it. */
export interface AuditView {
  readonly seq: number;
  /** RFC 3339 with microseconds, UTC. */
  readonly at: string;
  readonly actor: Actor;
  readonly action: string;
  readonly target: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Hex. */
  readonly hash: string;
}

/** Which rows a list has. */
export interface AuditFilter {
  /** Whose, by id. */
  readonly actor?: string | undefined;
  /** `key.revoke`, or all of a noun: `key.*`. */
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  /** Not before this moment. */
  readonly from?: Date | undefined;
  /** Before this moment. */
  readonly to?: Date | undefined;
  /** Sequence number of the last one seen. */
  readonly after?: number | undefined;
  readonly limit: number;
}

interface Reading {
  readonly after?: number;
  readonly to?: number;
  readonly signal?: AbortSignal | undefined;
}

const rowsAtOnce = 1_000;
const moment = `to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The audit log of a database, to read, verify, sign and export. All on a pool of `tutti_engine`; needs no engine. */
export class AuditLog {
  readonly #pool: pg.Pool;
  readonly #place: AuditKeyPlace;

  /** `place` is where the key is; nothing is read from it before something is signed. */
  constructor(pool: pg.Pool, place: AuditKeyPlace) {
    this.#pool = pool;
    this.#place = place;
  }

  /** Newest first. */
  async list(tenantId: number, filter: AuditFilter): Promise<readonly AuditView[]> {
    const { actor, action, target, from, to, after, limit } = filter;
    const noun = action?.endsWith('.*') ? action.slice(0, -1) : null;
    const { rows } = await this.#pool.query<AuditView>(
      `SELECT seq, ${moment} AS at, actor, action, target, data, encode(hash, 'hex') AS hash FROM tutti.audit
       WHERE tenant_id = $1 AND ($2::text IS NULL OR actor->>'id' = $2) AND ($3::text IS NULL OR action = $3)
         AND ($4::text IS NULL OR starts_with(action, $4)) AND ($5::text IS NULL OR target = $5)
         AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7) AND ($8::bigint IS NULL OR seq < $8)
       ORDER BY seq DESC LIMIT $9`,
      [
        ...[tenantId, actor ?? null, noun === null ? (action ?? null) : null, noun],
        ...[target ?? null, from ?? null, to ?? null, after ?? null, limit],
      ],
    );
    return rows;
  }

  /** Follows a tenant's chain and holds it against all that was signed of it, here and in `heads`. @throws DB_* */
  async verify(
    tenantId: number,
    options: { readonly heads?: readonly SignedHead[]; readonly signal?: AbortSignal } = {},
  ): Promise<Verdict> {
    const { heads = [], signal } = options;
    const own = await this.#heads(tenantId);
    const rows = this.#rows(tenantId, { signal });
    return verifyChain(rows, { tenantId, heads: [...own, ...heads] });
  }

  /**
   * A tenant's whole chain as lines, each with its end, and at last its signed head, which is kept here, too.
   * @throws AUDIT_BROKEN at the first row that is not as it was written · CONFIG_INVALID · DATA_FOLDER
   */
  async *export(
    tenantId: number,
    { at, signal }: { readonly at: Date; readonly signal?: AbortSignal },
  ): AsyncGenerator<string> {
    const to = await this.#last(tenantId);
    const lines: string[] = [];
    const rows = this.#rows(tenantId, { to, signal });
    const noted = (async function* (): AsyncGenerator<AuditRow> {
      for await (const row of rows) {
        lines.push(`${lineOf(row)}\n`);
        yield row;
      }
    })();
    // Followed page by page, so that what is handed on is right up to there.
    let end = chainStart;
    while (end.seq < to) {
      const page = taking(noted, rowsAtOnce);
      const verdict = await verifyChain(page, { tenantId, start: end });
      if (verdict.fault || verdict.rows === 0) throw broken(tenantId, verdict);
      end = endOf(verdict);
      yield lines.splice(0).join('');
    }
    yield `${headLineOf(await this.#sign(tenantId, end, at))}\n`;
  }

  /**
   * Signs how far a tenant's chain has come since this installation's key signed it last, after following what is new.
   * Returns null where nothing is. @throws AUDIT_BROKEN · CONFIG_INVALID · DATA_FOLDER
   */
  async sign(tenantId: number, at: Date): Promise<SignedHead | null> {
    const { publicKey } = await openAuditKey(this.#place);
    const heads = await this.#heads(tenantId);
    const last = heads.findLast((each) => each.publicKey === publicKey);
    const start = last
      ? { seq: last.head.seq, hash: Buffer.from(last.head.hash, 'hex') }
      : chainStart;
    const rows = this.#rows(tenantId, { after: start.seq });
    const since = heads.filter(({ head }) => head.seq >= start.seq);
    const verdict = await verifyChain(rows, { tenantId, heads: since, start });
    if (verdict.fault) throw broken(tenantId, verdict);
    return verdict.rows === 0 ? null : await this.#sign(tenantId, endOf(verdict), at);
  }

  /** Every tenant with a chain, the installation's (0) among them. */
  async tenants(): Promise<readonly number[]> {
    const { rows } = await this.#pool.query<{ readonly id: number }>(
      `SELECT id FROM (SELECT 0 AS id UNION SELECT id FROM tutti.tenant) t
       WHERE EXISTS (SELECT FROM tutti.audit a WHERE a.tenant_id = t.id) ORDER BY id`,
    );
    return rows.map(({ id }) => id);
  }

  /** The public key of this installation, hex; null while it has none. @throws CONFIG_INVALID · DATA_FOLDER */
  async publicKey(): Promise<string | null> {
    return (await readAuditKey(this.#place))?.publicKey ?? null;
  }

  async #sign(tenantId: number, { seq, hash }: ChainEnd, at: Date): Promise<SignedHead> {
    const key = await openAuditKey(this.#place);
    const head: Head = { tenantId, seq, hash: hash.toString('hex'), at: at.toISOString() };
    const signed = signHead(head, key);
    await this.#pool.query(
      `INSERT INTO tutti.audit_head (tenant_id, seq, hash, at, public_key, signature)
       VALUES ($1, $2, $3, $4, decode($5, 'hex'), decode($6, 'hex')) ON CONFLICT DO NOTHING`,
      [tenantId, seq, hash, head.at, signed.publicKey, signed.signature],
    );
    return signed;
  }

  /** What was signed, by row. */
  async #heads(tenantId: number): Promise<readonly SignedHead[]> {
    const { rows } = await this.#pool.query<Omit<Head, 'tenantId'> & Omit<SignedHead, 'head'>>(
      `SELECT seq, encode(hash, 'hex') AS hash, at, encode(public_key, 'hex') AS "publicKey", encode(signature, 'hex') AS signature
       FROM tutti.audit_head WHERE tenant_id = $1 ORDER BY seq`,
      [tenantId],
    );
    return rows.map(({ publicKey, signature, seq, hash, at }) => ({
      ...{ publicKey, signature, head: { tenantId, seq, hash, at } },
    }));
  }

  async #last(tenantId: number): Promise<number> {
    const { rows } = await this.#pool.query<{ readonly seq: number }>(
      'SELECT coalesce(max(seq), 0) AS seq FROM tutti.audit WHERE tenant_id = $1',
      [tenantId],
    );
    return rows[0]?.seq ?? 0;
  }

  async *#rows(
    tenantId: number,
    { after, to, signal }: Reading,
  ): AsyncGenerator<AuditRow, undefined> {
    // A row that somebody has put before the first one is read as well.
    let last: number | string = after ?? '-9223372036854775808';
    while (true) {
      signal?.throwIfAborted();
      const { rows } = await this.#pool.query<AuditRow>(
        `SELECT tenant_id AS "tenantId", seq, prev, hash, ${moment} AS at, actor::text AS actor, action, target, data::text AS data
         FROM tutti.audit WHERE tenant_id = $1 AND seq > $2 AND ($3::bigint IS NULL OR seq <= $3) ORDER BY seq LIMIT ${rowsAtOnce}`,
        [tenantId, last, to ?? null],
      );
      yield* rows;
      const end = rows.at(-1);
      if (!end || rows.length < rowsAtOnce) return;
      last = end.seq;
    }
  }
}

/** The first of them; the rest is left for who asks next. */
async function* taking<T>(rows: AsyncGenerator<T>, most: number): AsyncGenerator<T> {
  for (let taken = 0; taken < most; taken += 1) {
    const { done, value } = await rows.next();
    if (done) return;
    yield value;
  }
}

function endOf({ seq, hash }: Verdict): ChainEnd {
  return { seq, hash: Buffer.from(hash, 'hex') };
}

function broken(tenantId: number, { fault, seq }: Verdict): EngineError {
  const what = fault?.message ?? `The log ends with row ${seq} while it is read.`;
  return new EngineError('AUDIT_BROKEN', `The audit log of tenant ${tenantId} is broken. ${what}`, {
    details: { ...fault },
  });
}
