import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { toStorableText } from '../../base/text.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import { vaultOf } from '../../ports/db/vault.ts';
import { appendAudit } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import { tidy } from './due.ts';
import { readPerson } from './person.ts';
import {
  type Decision,
  type Handed,
  type Right,
  type Roles,
  rightOf,
  stateAfter,
  type Terms,
} from './rules.ts';
import { tellWaiting } from './tell.ts';
import {
  type ApprovalRow,
  type ApprovalView,
  openApprovals,
  selectApprovals,
  type VoteView,
  viewOf,
} from './view.ts';

/** What a person says to a question. */
export interface Say {
  readonly tenantId: number;
  /** The question's id. */
  readonly id: string;
  readonly decision: Decision;
  readonly person: string;
  /** Why; a refusal has one. */
  readonly note?: string | undefined;
  /** The account or the door that it comes through: `cli:anna`, `api`. */
  readonly via: string;
}

/**
 * Takes a person's word on a question, and moves the question by it; one transaction, in which the question stands still. The owner of its
 * run hears of what it has come to. The same word again is the same.
 * @throws APPROVAL_UNKNOWN · APPROVAL_CLOSED · APPROVAL_VOTED · APPROVAL_NOT_YOURS · INPUT_INVALID · DB_*
 */
export async function decide(pool: pg.Pool, say: Say, roles: Roles): Promise<ApprovalView> {
  const person = readPerson(say.person);
  const note = toStorableText(say.note?.trim() ?? '') || null;
  if (say.decision === 'refused' && note === null)
    throw new EngineError('INPUT_INVALID', 'A refusal needs a note that says why.');
  // It is kept with a refusal, too: what the time has brought stays.
  const { refusal, rows } = await inTransaction(pool, async (client) => ({
    refusal: await take(client, { ...say, person, note }, roles),
    rows: [(await read(client, say)) as ApprovalRow],
  }));
  const [row] = await openApprovals(vaultOf(pool), rows);
  const view = viewOf(row as ApprovalRow, roles);
  if (refusal) throw refusal(view);
  return view;
}

type Taken = Omit<Say, 'note'> & { readonly note: string | null };
type Refusal = (view: ApprovalView) => EngineError;

/** Why the word does not count; null once it is written, or was before. */
async function take(client: pg.ClientBase, say: Taken, roles: Roles): Promise<Refusal | null> {
  const { tenantId, id, person, decision } = say;
  // In this order, as whoever asks: the effect, then its question.
  await client.query(
    `SELECT FROM tutti.effect WHERE tenant_id = $1 AND key = (SELECT effect_key FROM tutti.approval WHERE tenant_id = $1 AND id = $2) FOR UPDATE`,
    [tenantId, id],
  );
  await client.query('SELECT FROM tutti.approval WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [
    tenantId,
    id,
  ]);
  await tidy(client, { id });
  const row = await read(client, say);
  if (!row) throw unknown(id);
  const mine = row.votes.find((vote) => vote.person === person);
  if (mine?.decision === decision) return null;
  if (row.state !== 'open') return closed;
  if (mine) return (view) => voted(view, person);
  const handed = await handedTo(client, tenantId, person);
  const right = rightOf(person, termsOf(row), { roles, handed, votes: row.votes });
  if (right.kind === 'none') return (view) => notYours(view, person, right);
  const onBehalfOf = right.kind === 'handed' ? right.from : null;
  await write(client, row, { ...say, onBehalfOf });
  await appendAudit(client, {
    ...{ tenantId, actor: { kind: 'person', id: person }, action: 'approval.vote', target: id },
    data: { decision, via: say.via, ...(onBehalfOf !== null && { onBehalfOf }) },
  });
  return null;
}

async function write(
  client: pg.ClientBase,
  row: ApprovalRow,
  say: Taken & { readonly onBehalfOf: string | null },
): Promise<void> {
  const { tenantId, id, person, decision, note, onBehalfOf, via } = say;
  await client.query(
    `INSERT INTO tutti.approval_vote (tenant_id, approval_id, actor_id, decision, reason, on_behalf_of, via, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())`,
    [tenantId, id, person, decision, note, onBehalfOf, via],
  );
  const votes = [...row.votes, { person, onBehalfOf, decision, note }];
  const state = stateAfter(votes, termsOf(row));
  if (state === 'open') return;
  await client.query(
    'UPDATE tutti.approval SET state = $3, closed_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2',
    [tenantId, id, state],
  );
  if (row.effect_key !== null)
    return await tellOfEffect(client, row.effect_key, { ...say, state, votes, row });
  if (row.run_id === null) return;
  await client.query(
    `INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor) VALUES ($1, $2, 'decision', $3, $4, $5)
     ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING`,
    [
      ...[tenantId, row.run_id, `decision:${id}`],
      toJsonb({ step: row.step, ...outcomeOf(state, votes) }),
      toJsonb({ kind: 'person', id: person }),
    ],
  );
}

/** An effect that people refuse is over; one that they grant waits for whoever carries it out. */
async function tellOfEffect(
  client: pg.ClientBase,
  key: string,
  decided: Pick<Taken, 'tenantId' | 'id' | 'person'> & {
    readonly state: Decision;
    readonly votes: Parameters<typeof outcomeOf>[1];
    readonly row: ApprovalRow;
  },
): Promise<void> {
  const { tenantId, id, person, state, votes, row } = decided;
  if (state === 'refused')
    await client.query(
      `UPDATE tutti.effect SET state = 'refused', ended_at = clock_timestamp() WHERE tenant_id = $1 AND key = decode($2, 'hex') AND state = 'proposed'`,
      [tenantId, key],
    );
  if (!row.waits) return;
  const actor = { kind: 'person', id: person } as const;
  await tellWaiting(client, { tenantId, id, key, ...outcomeOf(state, votes), actor });
}

/** What people have decided, as the owner of a run hears it. */
export interface Decided {
  readonly state: Decision;
  /** Who said so; of a refusal, who refused. */
  readonly by: readonly string[];
  /** The last that was given with it. */
  readonly note: string | null;
}

/** What votes have come to. */
export function outcomeOf(
  state: Decision,
  votes: readonly Pick<VoteView, 'person' | 'decision' | 'note'>[],
): Decided {
  const deciding = votes.filter(({ decision }) => decision === state);
  const by = deciding.map(({ person }) => person);
  return { state, by, note: deciding.findLast(({ note }) => note !== null)?.note ?? null };
}

async function read(queryable: Queryable, { tenantId, id }: Pick<Say, 'tenantId' | 'id'>) {
  const { rows } = await queryable.query<ApprovalRow>(
    `${selectApprovals} WHERE a.tenant_id = $1 AND a.id = $2`,
    [tenantId, id],
  );
  return rows[0];
}

async function handedTo(
  client: pg.ClientBase,
  tenantId: number,
  person: string,
): Promise<readonly Handed[]> {
  const { rows } = await client.query<Handed>(
    `SELECT from_person AS "from", to_person AS "to" FROM tutti.delegation
     WHERE tenant_id = $1 AND to_person = $2 AND ended_at IS NULL AND until > clock_timestamp() ORDER BY at, id`,
    [tenantId, person],
  );
  return rows;
}

function termsOf({ deciders, required, requested_by: requester }: ApprovalRow): Terms {
  return { deciders, required, requester };
}

/** Nobody has asked that. */
export function unknown(id: string): EngineError {
  return new EngineError(
    'APPROVAL_UNKNOWN',
    `There is no approval '${id.slice(0, 80)}'; see: tutti approvals --all`,
  );
}

function closed(view: ApprovalView): EngineError {
  const { id, state, votes, closedAt, expiresAt } = view;
  const at = (closedAt ?? expiresAt).toISOString();
  const by = (decision: Decision): string =>
    votes
      .filter((vote) => vote.decision === decision)
      .map(({ person }) => person)
      .join(', ');
  const how = {
    granted: `was granted by ${by('granted')} at ${at}`,
    refused: `was refused by ${by('refused')} at ${at}`,
    expired: `expired at ${at}: too few had decided`,
    withdrawn: `was withdrawn at ${at}: what it was about has ended, or is asked anew`,
    consumed: `was granted by ${by('granted')}, and has been used`,
    open: 'is open',
  }[state];
  return new EngineError('APPROVAL_CLOSED', `Approval ${id} ${how}; nothing can be decided.`, {
    details: { state, at },
  });
}

function voted({ id, votes }: ApprovalView, person: string): EngineError {
  const mine = votes.find((vote) => vote.person === person) as VoteView;
  const word = mine.decision === 'granted' ? 'yes' : 'no';
  return new EngineError(
    'APPROVAL_VOTED',
    `'${person}' said ${word} to approval ${id} at ${mine.at.toISOString()}; a person has one vote.`,
  );
}

function notYours(
  { id, deciders, requestedBy }: ApprovalView,
  person: string,
  { why }: Extract<Right, { readonly kind: 'none' }>,
): EngineError {
  const reason =
    why === 'requester'
      ? `is asked for by '${requestedBy.id}', with or for whom '${person}' acts; somebody else must decide`
      : `is for ${deciders.join(', ')} to decide, and '${person}' is none of them; tutti.config.ts says who holds which role (roles)`;
  return new EngineError('APPROVAL_NOT_YOURS', `Approval ${id} ${reason}.`);
}
