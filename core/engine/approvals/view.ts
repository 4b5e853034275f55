import type { ApprovalState } from '../../ports/db/states.ts';
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

/** A question to people, as people and programs are shown it. */
export interface ApprovalView {
  readonly id: string;
  readonly runId: string | null;
  readonly stepId: number | null;
  /** The step's path. */
  readonly path: string;
  readonly workflow: string | null;
  /** What is asked, one sentence. */
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
  readonly requestedBy: Actor;
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
export type ApprovalRow = Omit<ApprovalView, 'persons' | 'yeses' | 'votes' | 'runId' | 'stepId'> & {
  readonly tenant_id: number;
  readonly run_id: string | null;
  readonly step: number | null;
  readonly requested_by: Actor;
  readonly asked_at: Date;
  readonly expires_at: Date;
  readonly escalate_at: Date | null;
  readonly escalate_to: readonly string[];
  readonly escalated_at: Date | null;
  readonly closed_at: Date | null;
  /** Times as RFC 3339. */
  readonly votes: readonly (Omit<VoteView, 'at'> & { readonly at: string })[];
};

/** Questions with their votes, without a condition; the question is `a`. */
export const selectApprovals = `SELECT a.tenant_id, a.id, a.run_id, a.step, a.path, r.workflow, a.title, a.shown, encode(a.digest, 'hex') AS digest, a.state, a.deciders,
    a.required, a.requested_by, a.asked_at, a.expires_at, a.escalate_at, a.escalate_to, a.escalated_at, a.closed_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('person', v.actor_id, 'onBehalfOf', v.on_behalf_of, 'decision', v.decision, 'note', v.reason,
        'at', v.at, 'via', v.via) ORDER BY v.at, v.actor_id), '[]')
      FROM tutti.approval_vote v WHERE v.tenant_id = a.tenant_id AND v.approval_id = a.id) AS votes
  FROM tutti.approval a LEFT JOIN tutti.run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id`;

/** What a row says to people. */
export function viewOf(row: ApprovalRow, roles: Roles): ApprovalView {
  const votes = row.votes.map((vote) => ({ ...vote, at: new Date(vote.at) }));
  const { id, path, workflow, title, shown, digest, state, deciders, required } = row;
  return {
    ...{ id, runId: row.run_id, stepId: row.step, path, workflow, title, shown, digest, state },
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
