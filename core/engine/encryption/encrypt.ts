import type pg from 'pg';
import { hiddenBinds } from '../../guard/intent.ts';
import type { Database } from '../../ports/db/database.ts';
import { bodyText, type RunRef, vaultOf } from '../../ports/db/vault.ts';
import { storedQuestion } from '../approvals/view.ts';
import { appendAudit } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import { withConnection } from '../retention/keeping.ts';
import type { Actor } from '../run/request.ts';
import { resealRows } from '../store/copied-bodies.ts';

/** What was encrypted. */
export interface Encrypted {
  readonly runs: number;
  readonly bodies: number;
}

const pieceSize = 500;
const lowest = '00000000-0000-0000-0000-000000000000';

/**
 * Encrypts what was stored of runs before encryption was switched on, in pieces beside running engines; it may be ended at any point, and
 * begun again. Each piece holds the row of its run, so that nobody erases or retries it meanwhile.
 * @throws ENCRYPTION_KEY · DB_*
 */
export async function encryptStored(
  database: Pick<Database, 'connect'>,
  { actor, signal }: { readonly actor: Actor; readonly signal?: AbortSignal },
): Promise<Encrypted> {
  return withConnection(database, async (client) => {
    await appendAudit(client, {
      ...{ tenantId: 0, actor, action: 'encryption.apply', target: 'installation' },
    });
    let [runs, bodies] = [0, 0];
    for (let after: RunRef = { tenantId: 0, id: lowest }; !signal?.aborted; ) {
      const { rows } = await client.query<RunRow>(nextSql, [after.tenantId, after.id]);
      const [row] = rows;
      if (!row) break;
      after = { tenantId: row.tenant_id, id: row.id };
      const sealed = await encryptRun(client, after, signal);
      bodies += sealed;
      runs += sealed > 0 ? 1 : 0;
    }
    return { runs, bodies };
  });
}

async function encryptRun(
  client: pg.Client,
  run: RunRef,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!(await vaultOf(client).keysOf(run))) return 0;
  await locked(client, run, () => encryptAround(client, run));
  let bodies = 0;
  for (let sealed = pieceSize; sealed === pieceSize && !signal?.aborted; bodies += sealed)
    sealed = await locked(client, run, () => encryptPiece(client, run));
  return bodies;
}

/** The keys are read again where nobody can erase any. */
async function encryptPiece(client: pg.Client, run: RunRef): Promise<number> {
  const keys = await vaultOf(client).keysOf(run);
  const { rows } = await client.query<BodyRow>(pieceSql, [run.tenantId, run.id, pieceSize]);
  await resealRows(client, { run, keys }, rows);
  return rows.length;
}

/** What lies beside the bodies: what questions show, and what effects bind. Here, too, the keys are read again. */
async function encryptAround(client: pg.Client, run: RunRef): Promise<void> {
  const keys = await vaultOf(client).keysOf(run);
  const questions = await client.query<QuestionRow>(questionsSql, [run.tenantId, run.id]);
  for (const row of questions.rows) {
    const { shown, keyId } = storedQuestion(keys, row);
    await client.query(sealSql, [run.tenantId, row.id, toJsonb(shown), keyId]);
  }
  const effects = await client.query<EffectRow>(bindsSql, [run.tenantId, run.id]);
  for (const { key, binds } of effects.rows)
    await client.query('UPDATE tutti.effect SET binds = $3 WHERE tenant_id = $1 AND key = $2', [
      ...[run.tenantId, key, toJsonb(hiddenBinds(binds))],
    ]);
}

async function locked<T>(client: pg.Client, run: RunRef, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT FROM tutti.run WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE', [
      run.tenantId,
      run.id,
    ]);
    const done = await work();
    await client.query('COMMIT');
    return done;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

interface RunRow {
  readonly tenant_id: number;
  readonly id: string;
}
interface BodyRow {
  readonly seq: number;
  readonly part: number;
  readonly class: string;
  readonly body: string;
}
interface QuestionRow {
  readonly id: string;
  readonly title: string;
  readonly shown: unknown;
}
interface EffectRow {
  readonly key: Buffer;
  readonly binds: unknown;
}

// $1, $2 the last run seen: the next one of which anything lies there as it is.
const nextSql = `SELECT r.tenant_id, r.id FROM tutti.run r WHERE (r.tenant_id, r.id) > ($1, $2)
    AND (EXISTS (SELECT FROM tutti.payload p WHERE p.tenant_id = r.tenant_id AND p.run_id = r.id AND p.key_id IS NULL AND p.body IS NOT NULL)
      OR EXISTS (SELECT FROM tutti.approval a WHERE a.tenant_id = r.tenant_id AND a.run_id = r.id AND a.key_id IS NULL AND a.title <> '')
      OR EXISTS (SELECT FROM tutti.effect e WHERE e.tenant_id = r.tenant_id AND e.run_id = r.id AND e.binds IS NOT NULL AND NOT e.binds ? '#'))
  ORDER BY r.tenant_id, r.id LIMIT 1`;
const pieceSql = `SELECT p.seq, p.part, p.class, ${bodyText('p')} AS body FROM tutti.payload p
  WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.key_id IS NULL AND p.body IS NOT NULL LIMIT $3`;
const questionsSql = `SELECT id, title, shown FROM tutti.approval WHERE tenant_id = $1 AND run_id = $2 AND key_id IS NULL AND title <> ''`;
const sealSql = `UPDATE tutti.approval SET title = '', shown = $3, key_id = $4 WHERE tenant_id = $1 AND id = $2`;
const bindsSql = `SELECT key, binds FROM tutti.effect WHERE tenant_id = $1 AND run_id = $2 AND binds IS NOT NULL AND NOT binds ? '#' FOR UPDATE`;
