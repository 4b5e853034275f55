import type pg from 'pg';
import type { ApprovalState } from '../../ports/db/states.ts';
import { auditTexts, isAudited } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from './store.ts';

const steerKinds = [
  'cancel',
  'pause',
  'resume',
  'priority',
  'settled',
  'decision',
  'escalated',
] as const;
const messageKinds = [...steerKinds, 'explain'] as const;

/** What a message asks of a run. */
export type SteerKind = (typeof steerKinds)[number];
/** What a message asks for: `explain` changes nothing, and is answered (see explain/explanations.ts). */
export type MessageKind = (typeof messageKinds)[number];

/** A message to a run, as its owner reads it. */
export interface Message<K extends MessageKind = MessageKind> {
  readonly id: number;
  readonly tenant_id: number;
  readonly run_id: string;
  readonly kind: K;
  /** Names it among the messages of its run. */
  readonly dedupe: string;
  /** Who asks. */
  readonly actor: Actor;
  /** `cancel`: `{ step?, subtree? }`; `priority`: `{ priority }`; `settled`: `{ key, step }`; `decision`: `{ step, key?, state, by, note }`; `escalated`: `{ step, approval, to }`; `explain`: `{ path? }`. */
  readonly data: {
    readonly step?: number;
    readonly subtree?: boolean;
    readonly priority?: number;
    readonly key?: string;
    readonly path?: string;
    readonly limit?: number;
    readonly state?: ApprovalState;
    readonly by?: readonly string[];
    readonly note?: string | null;
    readonly approval?: string;
    readonly to?: readonly string[];
  };
}

/** Messages to runs, from everybody but their owner; the owner takes one in the flush that records it. Works with no engine up. */
export class Inbox {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Messages to runs that an engine owns. Of a kind that only a newer release knows this one reads none: it stays for an owner that does, and
   * keeps nothing behind it from being heard.
   */
  async read(boot: string): Promise<readonly Message[]> {
    const result = await this.#pool.query<Message>(
      `SELECT i.id, i.tenant_id, i.run_id, i.kind, i.dedupe, i.actor, i.data FROM tutti.inbox i JOIN tutti.run r ON r.tenant_id = i.tenant_id AND r.id = i.run_id
       WHERE r.owner = $1 AND i.kind = ANY ($2) ORDER BY i.id LIMIT 500`,
      [boot, messageKinds],
    );
    return result.rows;
  }

  /** Leaves a message for a run's owner; the same `dedupe` again is the same message until it has been taken. */
  async send(message: {
    readonly tenantId: number;
    readonly runId: string;
    readonly kind: MessageKind;
    readonly dedupe: string;
    readonly data?: Readonly<Record<string, unknown>>;
    readonly actor: Actor;
  }): Promise<void> {
    const { tenantId, runId, kind, dedupe, data = {}, actor } = message;
    await this.#pool.query(
      `WITH left_now AS (INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor) VALUES ($1, $2, $3::text, $4, $5, $6)
         ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING RETURNING 1),
       -- Which of the runs that nobody owns is taken up first, their rows decide: no owner would write this one.
       ranked AS (UPDATE tutti.run SET priority = ($5::jsonb->>'priority')::smallint
         WHERE $3 = 'priority' AND tenant_id = $1 AND id = $2 AND owner IS NULL AND ended_at IS NULL)
       SELECT CASE WHEN $7 THEN tutti.append_audit($1, $8, $9, $10, $11) END FROM left_now`,
      [
        ...[tenantId, runId, kind, dedupe, toJsonb(data), toJsonb(actor)],
        // A question changes nothing.
        kind !== 'explain' && isAudited(actor),
        ...auditTexts({ actor, action: `run.${kind}`, target: runId, data }),
      ],
    );
  }
}
