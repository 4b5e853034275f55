import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { type NewKeys, type RunRef, sealedText, vaultOf } from '../../ports/db/vault.ts';
import { questionText } from '../approvals/view.ts';
import { resealRows, storeKeys } from '../store/copied-bodies.ts';

/*
 * Where bodies are encrypted, erasing one takes its key away, too, so that no copy of it can be read: in no backup, in no page that the
 * database has not yet written over. What is to stay and was sealed with the same key is sealed with a new one first. All of it in the
 * transaction that erases.
 */

/** Classes of a run of which something has just been erased. */
export interface Touched {
  readonly run: RunRef;
  readonly classes: readonly string[];
}

const pieceSize = 500;

/** Deletes the keys of what was erased. `client` is a connection of the database. @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_* */
export async function shredKeys(client: pg.Client, { run, classes }: Touched): Promise<void> {
  const { rows } = await client.query<{ readonly class: string }>(leftSql, [
    ...[run.tenantId, run.id, classes],
  ]);
  const left = rows.map((row) => row.class);
  const keys = left.length > 0 ? await keysFor(client, run, left) : null;
  if (keys) await sealAnew(client, { run, classes: left }, keys);
  await client.query(
    'DELETE FROM tutti.data_key WHERE tenant_id = $1 AND run_id = $2 AND class = ANY ($3) AND id <> ALL ($4)',
    [run.tenantId, run.id, classes, keys?.columns[1] ?? []],
  );
  vaultOf(client).forget(run);
}

async function keysFor(
  client: pg.Client,
  run: RunRef,
  classes: readonly string[],
): Promise<NewKeys> {
  const keys = await vaultOf(client).newKeys(run, classes);
  if (!keys)
    throw new EngineError(
      'ENCRYPTION_KEY',
      `What is to stay of run ${run.id} is encrypted and has to be sealed anew, and this process has no key; let 'encryption' in the configuration name it. Nothing was erased.`,
    );
  await storeKeys(client, run, keys);
  return keys;
}

async function sealAnew(client: pg.Client, left: Touched, keys: NewKeys): Promise<void> {
  const { run, classes } = left;
  for (let after: readonly [number, number] = [0, -1]; ; ) {
    const { rows } = await client.query<SealedRow>(bodiesSql, [
      ...[run.tenantId, run.id, classes, ...after, pieceSize],
    ]);
    const last = rows.at(-1);
    if (!last) break;
    await resealRows(client, { run, keys }, await vaultOf(client).open(rows, 'body'));
    after = [last.seq, last.part];
  }
  if (classes.includes('shown')) await sealQuestions(client, run, keys);
}

async function sealQuestions(client: pg.Client, run: RunRef, keys: NewKeys): Promise<void> {
  const { rows } = await client.query<QuestionRow>(questionsSql, [run.tenantId, run.id]);
  for (const { id, question } of await vaultOf(client).open(rows, 'question')) {
    if (question === null) continue;
    const { keyId, body } = keys.seal({ class: 'shown', place: id }, question);
    await client.query(
      'UPDATE tutti.approval SET shown = to_jsonb($3::text), key_id = $4 WHERE tenant_id = $1 AND id = $2',
      [run.tenantId, id, body.toString('base64'), keyId],
    );
  }
}

interface SealedRow {
  readonly seq: number;
  readonly part: number;
  readonly class: string;
  readonly body: string | null;
}
interface QuestionRow {
  readonly id: string;
  readonly question: string | null;
}

// $1 tenant, $2 run, $3 classes: those of which something sealed is still there.
const leftSql = `SELECT DISTINCT class FROM tutti.payload
    WHERE tenant_id = $1 AND run_id = $2 AND class = ANY ($3) AND key_id IS NOT NULL AND body IS NOT NULL
  UNION SELECT 'shown' FROM tutti.approval WHERE 'shown' = ANY ($3) AND tenant_id = $1 AND run_id = $2 AND key_id IS NOT NULL`;
const bodiesSql = `SELECT p.seq, p.part, p.class, ${sealedText('p')} AS body FROM tutti.payload p
  WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.class = ANY ($3) AND p.key_id IS NOT NULL AND p.body IS NOT NULL AND (p.seq, p.part) > ($4, $5)
  ORDER BY p.seq, p.part LIMIT $6`;
const questionsSql = `SELECT a.id, ${questionText} AS question FROM tutti.approval a WHERE a.tenant_id = $1 AND a.run_id = $2 AND a.key_id IS NOT NULL`;
