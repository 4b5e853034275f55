import type { ApprovalState } from '../../ports/db/states.ts';
import { bodyText, type RunKeys, type Vault } from '../../ports/db/vault.ts';
import type { Actor } from '../run/request.ts';
import { countYeses, type Decision, personsOf, type Roles } from './rules.ts';

/** One person's word on a question. */
export interface VoteView {
  readonly person: string;
  /** Whose right it was, when that was handed on. */
  readonly onBehalfOf: string | null;
  readonly decision: Decision;
  readonly note: string | null;
  readonly at: Date;
  /** The account or the door that it came through: `cli:anna`, `api`. */
  readonly via: string;
}

/** The effect that a question is about. */
export interface AskedEffect {
  /** Hex. */
  readonly key: string;
  readonly tool: string;
  readonly entity: string | null;
  readonly targetId: string | null;
  /** Whether a step waits for the answer; else a run of its own carries out what is granted. */
  readonly waits: boolean;
  /** That run. */
  readonly applyRun: string | null;
}

/** A question to people, as people and programs are shown it. */
export interface ApprovalView {
  readonly id: string;
  readonly runId: string | null;
  readonly stepId: number | null;
  /** The step's path. */
  readonly path: string;
  readonly workflow: string | null;
  /** Code of the effect's company, else of the run's; null for the whole group. */
  readonly company: string | null;
  /** The effect that may happen; null for a question of an approval node. */
  readonly effect: AskedEffect | null;
  /** Name of the tier that names the deciders; `node` for an approval node. */
  readonly tier: string;
  /** What is asked, one sentence; of an effect the tool and the record. */
  readonly title: string;
  /** What the people are shown, JSON. */
  readonly shown: unknown;
  /** Hash of title and what is shown, hex: what the people agree to. */
  readonly digest: string;
  readonly state: ApprovalState;
  /** Names of roles or persons that may decide. */
  readonly deciders: readonly string[];
  /** The persons that these are today. */
  readonly persons: readonly string[];
  readonly required: number;
  /** Yeses of different people so far. */
  readonly yeses: number;
  readonly requestedBy: Actor & { readonly agent?: string };
  readonly askedAt: Date;
  readonly expiresAt: Date;
  /** When `escalateTo` may decide as well; null: never. */
  readonly escalateAt: Date | null;
  readonly escalateTo: readonly string[];
  readonly escalatedAt: Date | null;
  /** When it stopped being open. */
  readonly closedAt: Date | null;
  /** First to last. */
  readonly votes: readonly VoteView[];
}

/** A row of selectApprovals. */
export type ApprovalRow = Omit<
  ApprovalView,
  'persons' | 'yeses' | 'votes' | 'runId' | 'stepId' | 'effect'
> & {
  readonly tenant_id: number;
  readonly run_id: string | null;
  readonly step: number | null;
  readonly requested_by: Actor & { readonly agent?: string };
  readonly asked_at: Date;
  readonly expires_at: Date;
  readonly escalate_at: Date | null;
  readonly escalate_to: readonly string[];
  readonly escalated_at: Date | null;
  readonly closed_at: Date | null;
  /** Hex; null for a question of an approval node. */
  readonly effect_key: string | null;
  readonly tool: string | null;
  readonly entity: string | null;
  readonly target_id: string | null;
  readonly waits: boolean;
  readonly apply_run: string | null;
  /** What was proposed; null for an approval node, and once it is erased. */
  readonly body: string | null;
  /** Title and what is shown, where they are sealed; null: they lie there as they are. */
  readonly question: string | null;
  /** Times as RFC 3339. */
  readonly votes: readonly (Omit<VoteView, 'at'> & { readonly at: string })[];
};

/** SQL: title and what is shown of a question `a`, sealed; null: they lie there as they are. */
export const questionText = `chr(1) || a.tenant_id || ' ' || a.run_id || ' shown ' || a.key_id || ' ' || a.id || ' ' || (a.shown #>> '{}')`;

/** Questions with their votes, without a condition; the question is `a`. */
export const selectApprovals = `SELECT a.tenant_id, a.id, a.run_id, a.step, a.path, r.workflow, coalesce(e.company, r.company) AS company, a.title, a.shown,
    ${questionText} AS question, encode(a.digest, 'hex') AS digest, a.state, a.deciders,
    a.tier, a.waits, a.apply_run, encode(a.effect_key, 'hex') AS effect_key, e.tool, e.entity, e.target_id, ${bodyText('p')} AS body,
    a.required, a.requested_by, a.asked_at, a.expires_at, a.escalate_at, a.escalate_to, a.escalated_at, a.closed_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('person', v.actor_id, 'onBehalfOf', v.on_behalf_of, 'decision', v.decision, 'note', v.reason,
        'at', v.at, 'via', v.via) ORDER BY v.at, v.actor_id), '[]')
      FROM tutti.approval_vote v WHERE v.tenant_id = a.tenant_id AND v.approval_id = a.id) AS votes
  FROM tutti.approval a LEFT JOIN tutti.run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
  LEFT JOIN tutti.effect e ON e.tenant_id = a.tenant_id AND e.key = a.effect_key
  LEFT JOIN tutti.payload p ON p.tenant_id = a.tenant_id AND p.run_id = a.effect_run AND p.seq = a.effect_seq AND p.part = 0`;

/** Rows whose texts can be read. @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_* */
export async function openApprovals(
  vault: Vault,
  rows: readonly ApprovalRow[],
): Promise<readonly ApprovalRow[]> {
  const opened = await vault.open(await vault.open(rows, 'body'), 'question');
  return opened.map((row, index) => {
    if (rows[index]?.question === null) return row;
    return { ...row, ...(row.question === null ? erased : (JSON.parse(row.question) as Question)) };
  });
}

/** What people are asked, as it is stored. */
export function storedQuestion(
  keys: RunKeys | null,
  { id, ...question }: Question & { readonly id: string },
): Question & { readonly keyId: number | null } {
  if (!keys) return { ...question, keyId: null };
  const { keyId, body } = keys.seal({ class: 'shown', place: id }, JSON.stringify(question));
  return { title: '', shown: body.toString('base64'), keyId };
}

interface Question {
  readonly title: string;
  readonly shown: unknown;
}

const erased: Question = { title: '', shown: 'Its text has been erased.' };

/** What a row says to people. */
export function viewOf(row: ApprovalRow, roles: Roles): ApprovalView {
  const votes = row.votes.map((vote) => ({ ...vote, at: new Date(vote.at) }));
  const { id, path, workflow, company, digest, state, deciders, required, tier } = row;
  const effect = effectOf(row);
  const { title, shown } = effect ? proposedBy(row) : row;
  return {
    ...{ id, runId: row.run_id, stepId: row.step, path, workflow, title, shown, digest, state },
    ...{ company, effect, tier },
    ...{ deciders, persons: personsOf(deciders, roles), required, yeses: countYeses(votes) },
    requestedBy: row.requested_by,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    escalateAt: row.escalate_at,
    escalateTo: row.escalate_to,
    escalatedAt: row.escalated_at,
    closedAt: row.closed_at,
    votes,
  };
}

function effectOf(row: ApprovalRow): AskedEffect | null {
  const { effect_key: key, tool, entity, target_id: targetId, waits, apply_run: applyRun } = row;
  return key === null ? null : { key, tool: tool ?? '', entity, targetId, waits, applyRun };
}

/** What would be written: the amount that it moves, its arguments, and the fields of its record that it rests on. */
function proposedBy(row: ApprovalRow): Pick<ApprovalView, 'title' | 'shown'> {
  const { tool, entity, target_id: target, body } = row;
  const title = [tool, entity?.replaceAll('_', ' '), target].filter(Boolean).join(' ');
  const { args, binds, amount } = JSON.parse(body ?? '{}') as Proposed;
  if (args === undefined) return { title, shown: erased.shown };
  const { version: _, ...fields } = binds ?? {};
  const shown = {
    ...(amount && { amount: `${amount.amount} ${amount.currency}` }),
    args,
    ...(binds && { [entity ?? 'record']: fields }),
  };
  return { title, shown };
}

/** The payload of a proposal. */
interface Proposed {
  readonly args?: unknown;
  readonly binds?: Readonly<Record<string, unknown>> | null;
  readonly amount?: { readonly amount: string; readonly currency: string };
}
