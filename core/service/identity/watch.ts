import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import type { Proof } from './proof.ts';
import { type Footing, footing, type Judged, stands } from './session-row.ts';

/** How long a stream may go on whose caller is let in no more; one query then asks for all of them. */
const lookEveryMs = 2_000;

/** Whose stream is open. */
export interface Watched {
  readonly tenantId: number;
  /** Null: the person at this machine. */
  readonly proof: Proof | null;
}

/** Something that is watched. */
export interface Watching {
  /** Aborts when whoever it is for is let in no more. */
  readonly signal: AbortSignal;
  /** It has ended by itself. */
  end(): void;
}

interface Open extends Watched {
  readonly ending: AbortController;
}

interface FoundRow extends Footing {
  readonly no: number;
  readonly idleUntil: Date | null;
}

interface WatchParts {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly issuers: ReadonlySet<string>;
}

/**
 * Ends what is answered for longer than a moment once its caller's key is revoked or expired, their session ended, their token taken back or
 * their tenant suspended. It looks while anything is open, and asks nothing otherwise.
 */
export class Watch {
  readonly #parts: WatchParts;
  readonly #open = new Map<number, Open>();
  #last = 0;
  #isArmed = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  over(watched: Watched): Watching {
    this.#last += 1;
    const no = this.#last;
    const ending = new AbortController();
    this.#open.set(no, { ...watched, ending });
    this.#arm();
    return { signal: ending.signal, end: () => this.#open.delete(no) };
  }

  #arm(): void {
    if (this.#isArmed || this.#open.size === 0) return;
    this.#isArmed = true;
    this.#parts.clock.after(lookEveryMs, () => {
      // A database that does not answer ends no stream: what it would send, it cannot read either.
      void this.#look()
        .catch(() => {})
        .finally(() => {
          this.#isArmed = false;
          this.#arm();
        });
    });
  }

  async #look(): Promise<void> {
    const asked = [...this.#open].map(([no, open]) => askedOf(no, open));
    if (asked.length === 0) return;
    const { rows } = await this.#parts.pool.query<FoundRow>(lookSql, [JSON.stringify(asked)]);
    const judged = { nowMs: this.#parts.clock.now(), issuers: this.#parts.issuers };
    for (const row of rows) {
      const open = this.#open.get(row.no);
      if (open && !isLetIn(open.proof, row, judged)) open.ending.abort();
    }
  }
}

/** As `lookSql` takes it. */
function askedOf(no: number, { tenantId, proof }: Watched): object {
  const asked = { no, tenant: tenantId };
  switch (proof?.kind) {
    case 'session':
      return { ...asked, session: proof.id };
    case 'key':
      return { ...asked, key: proof.id, prefix: proof.prefix };
    case 'token':
      return { ...asked, issuer: proof.issuer, token: proof.id };
    case undefined:
      return asked;
  }
}

function isLetIn(proof: Proof | null, row: FoundRow, judged: Judged): boolean {
  if (row.suspendedAt !== null) return false;
  if (proof === null) return true;
  const until = proof.kind === 'session' ? (row.idleUntil ?? new Date(0)) : proof.expiresAt;
  if (until !== null && until.getTime() <= judged.nowMs) return false;
  // Whose tokens count was asked when it came, and is the same as long as this process is.
  return proof.kind === 'token' ? !row.isDenied : stands(row, judged);
}

/** $1: what is open, as `askedOf` has it. */
const lookSql = `SELECT w.no, s.idle_until AS "idleUntil", coalesce(w.prefix, s.key_prefix) AS "keyPrefix", coalesce(w.issuer, s.issuer) AS issuer,
    ${footing}
  FROM jsonb_to_recordset($1::jsonb) AS w (no int, tenant int, session uuid, key uuid, prefix text, issuer text, token text)
    JOIN tutti.tenant t ON t.id = w.tenant
    LEFT JOIN tutti.session s ON s.tenant_id = w.tenant AND s.id = w.session
    LEFT JOIN tutti.api_key k ON k.tenant_id = w.tenant AND k.id = coalesce(w.key, s.key_id)
    LEFT JOIN tutti.denied_token d ON d.tenant_id = w.tenant AND d.issuer = coalesce(w.issuer, s.issuer) AND d.id = coalesce(w.token, s.token_id)`;
