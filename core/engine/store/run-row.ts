import { isSuspended } from '../../ports/db/suspended.ts';
import { goalSql } from '../run/goal.ts';
import type { Actor, RunPins } from '../run/request.ts';
import type { RunStatus } from '../run/states.ts';

/** A run's row, as its owner reads it. */
export interface RunRow {
  readonly tenant_id: number;
  readonly id: string;
  readonly workflow: string;
  readonly workflow_version: number;
  readonly pins: RunPins;
  readonly journal_v: number;
  readonly company: string | null;
  readonly business_date: string;
  readonly time_zone: string;
  readonly status: RunStatus;
  readonly priority: number;
  readonly actor: Actor;
  readonly created_at: Date;
  /** @default it has none */
  readonly goal?: string | null;
}

/** The columns of a `RunRow`, of rows `r` of `tutti.run`, without its status. */
export const runColumns = `r.tenant_id, r.id, r.workflow, r.workflow_version, r.pins, r.journal_v, r.company, r.business_date, r.time_zone, r.priority, r.actor, r.created_at,
  ${goalSql} AS goal`;

/**
 * Takes runs that nobody owns, and brings their rows. $1 the engine, $2 how many, $3 the version of its journal, $4 the modules loaded at run time
 * that it has, as `name generation`, $5 those of its configuration; both null: it takes up any run.
 */
export const claimSql = `WITH me AS MATERIALIZED (SELECT id FROM tutti.engine WHERE id = $1 AND state = 'alive' FOR KEY SHARE),
  missing AS MATERIALIZED (SELECT name FROM tutti.module_load
    WHERE NOT (wanted AND name || ' ' || generation = ANY ($4) OR name = ANY ($5))),
  c AS MATERIALIZED (SELECT tenant_id, id, status FROM tutti.run WHERE owner IS NULL AND ended_at IS NULL AND journal_v <= $3
    AND (wake_at IS NULL OR wake_at <= now()) AND NOT ${isSuspended('run.tenant_id')}
    AND (NOT EXISTS (SELECT FROM missing) OR NOT EXISTS (SELECT FROM missing JOIN jsonb_object_keys(coalesce(pins #> '{declared,agents}', '{}'))
      AS agent ON name = split_part(regexp_replace(agent, '^tool:', ''), '.', 1))
      AND NOT EXISTS (SELECT FROM missing WHERE starts_with(workflow, 'apply:' || name || '.')) OR EXISTS (SELECT FROM tutti.inbox i WHERE i.tenant_id = run.tenant_id AND i.run_id = run.id AND i.kind = 'cancel'))
    ORDER BY priority DESC, created_at FOR UPDATE SKIP LOCKED LIMIT $2)
  UPDATE tutti.run r SET owner = me.id, journal_v = $3, status = CASE r.status WHEN 'queued' THEN 'running' ELSE r.status END
  FROM c, me WHERE r.tenant_id = c.tenant_id AND r.id = c.id
  RETURNING ${runColumns}, c.status`;
