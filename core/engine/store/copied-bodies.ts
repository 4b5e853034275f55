import { createHash } from 'node:crypto';
import type { Queryable } from '../../ports/db/transaction.ts';
import {
  bodyText,
  type NewKeys,
  newKeysSql,
  placeOf,
  type RunKeys,
  type RunRef,
  type Vault,
} from '../../ports/db/vault.ts';

/** Bodies of a run that have been copied to another one of the same tenant. */
export interface Copies {
  readonly vault: Vault;
  readonly from: RunRef;
  readonly to: RunRef;
  /** What the other run's bodies are sealed with; null: they are stored as they are. */
  readonly keys: RunKeys | null;
}

/** A body of the other run, and the entry that it was copied from. */
export interface Copy {
  readonly seq: number;
  readonly of: number;
  /** The first of its parts that is one. @default 0 */
  readonly leastPart?: number;
}

/** Bodies that are read at once. */
const pieceSize = 500;

/** Stores the keys of a run that the same transaction makes. */
export async function storeKeys(
  client: Queryable,
  { tenantId, id }: RunRef,
  { columns }: NewKeys,
): Promise<void> {
  const text = newKeysSql('(SELECT $1::int AS tenant_id, $2::uuid AS run_id)', 3);
  await client.query(text, [tenantId, id, ...columns]);
}

/**
 * Copies open where they came from and nowhere else: seals them for the run that has them now. Returns whether all were still there.
 * @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_*
 */
export async function resealCopies(
  client: Queryable,
  copies: Copies,
  places: readonly Copy[],
): Promise<boolean> {
  let isWhole = true;
  for (let from = 0; from < places.length; from += pieceSize)
    isWhole = (await resealPiece(client, copies, places.slice(from, from + pieceSize))) && isWhole;
  return isWhole;
}

async function resealPiece(
  client: Queryable,
  { vault, from, to, keys }: Copies,
  places: readonly Copy[],
): Promise<boolean> {
  const { rows } = await client.query<CopiedRow>(copiedSql, [
    ...[to.tenantId, from.id, to.id],
    places.map(({ seq }) => seq),
    places.map(({ of }) => of),
    places.map(({ leastPart = 0 }) => leastPart),
  ]);
  const opened = await vault.open(rows, 'body');
  await resealRows(client, { run: to, keys }, opened);
  return opened.every(({ body }) => body !== null);
}

/** Puts bodies, in words, into the places of a run where they lie sealed otherwise; what is erased stays so. */
export async function resealRows(
  client: Queryable,
  { run, keys }: { readonly run: RunRef; readonly keys: RunKeys | null },
  rows: readonly CopiedRow[],
): Promise<void> {
  const stored = rows.flatMap(({ seq, part, class: held, body }) => {
    if (body === null) return [];
    const plain = { keyId: null, body: Buffer.from(body) };
    return [
      {
        seq,
        part,
        held,
        ...(keys?.seal({ class: held, place: placeOf(seq, part) }, body) ?? plain),
      },
    ];
  });
  await client.query(resealSql, [
    ...[run.tenantId, run.id],
    stored.map(({ seq }) => seq),
    stored.map(({ part }) => part),
    stored.map(({ held }) => held),
    stored.map(({ keyId }) => keyId),
    stored.map(({ body }) => createHash('sha256').update(body).digest()),
    stored.map(({ body }) => body),
  ]);
}

/** A body in words; null: it is erased. */
export interface CopiedRow {
  readonly seq: number;
  readonly part: number;
  readonly class: string;
  readonly body: string | null;
}

// $1 tenant; $2 the run that they came from, $3 the one that has them; $4, $5 their entries here and there, $6 their first parts.
// Looked up by their keys and not joined: without statistics a join compares every copy with every body.
const copiedSql = `SELECT n.seq, n.part, n.class, p.body FROM unnest($4::bigint[], $5::bigint[], $6::smallint[]) AS c (seq, of, least_part)
  CROSS JOIN LATERAL (SELECT seq, part, class FROM tutti.payload n
    WHERE n.tenant_id = $1 AND n.run_id = $3 AND n.seq = c.seq AND n.part >= c.least_part OFFSET 0) n
  CROSS JOIN LATERAL (SELECT ${bodyText('p')} AS body FROM tutti.payload p
    WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.seq = c.of AND p.part = n.part OFFSET 0) p`;

// $1 tenant, $2 run; $3 to $8 entries, parts, classes, keys, hashes and bodies. An upsert, for the same reason.
const resealSql = `INSERT INTO tutti.payload AS p (tenant_id, run_id, seq, part, class, encoding, key_id, sha256, size, body)
  SELECT $1, $2, d.seq, d.part, d.class, 'json', d.key_id, d.sha256, length(d.body), d.body
  FROM unnest($3::bigint[], $4::smallint[], $5::text[], $6::int[], $7::bytea[], $8::bytea[]) AS d (seq, part, class, key_id, sha256, body)
  ON CONFLICT (tenant_id, run_id, seq, part) DO UPDATE SET key_id = excluded.key_id, sha256 = excluded.sha256, size = excluded.size, body = excluded.body
  WHERE p.body IS NOT NULL`;
