import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { FiringState } from '../../ports/db/states.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { RegisteredHook } from '../../sdk/check-hook.ts';
import { ofEvent } from './firing-store.ts';
import { Listeners } from './listeners.ts';

/** A hook as people see it. */
export interface HookView {
  /** `module.hook` */
  readonly name: string;
  readonly module: string;
  readonly about: string;
  readonly entity: string | null;
  readonly types: readonly string[];
  /** CEL. */
  readonly when: string | null;
  readonly edge: 'becomes' | null;
  readonly debounceMs: number;
  readonly workflow: string;
  readonly priority: number;
  /** Null: it fires. */
  readonly paused: { readonly actor: Actor; readonly reason: string; readonly at: Date } | null;
  /** Firings that wait, and those that nothing more is tried for. */
  readonly waiting: number;
  readonly dead: number;
}

/** A firing as people see it. */
export interface FiringView {
  readonly id: string;
  readonly hook: string;
  readonly state: FiringState;
  readonly dueAt: Date;
  readonly attempts: number;
  /** How many events it stands for. */
  readonly events: number;
  readonly isReplay: boolean;
  readonly version: string | null;
  readonly runId: string | null;
  /** `condition`, `still` or `gone`: why it was skipped. */
  readonly reason: string | null;
  readonly error: ErrorData | null;
  readonly endedAt: Date | null;
}

/** An ERP event as people see it, with what became of it. */
export interface EventView {
  readonly id: string;
  readonly source: string;
  readonly key: string;
  readonly type: string | null;
  readonly entity: string | null;
  readonly recordId: string | null;
  readonly version: string | null;
  readonly occurredAt: Date | null;
  readonly receivedAt: Date;
  /** []: no hook listened. */
  readonly firings: readonly FiringView[];
}

/** Who changes a hook. */
export interface HookAsk {
  readonly tenantId: number;
  readonly hook: string;
  readonly actor: Actor;
  /** @default '' */
  readonly reason?: string | undefined;
}

/** Who fires again, and for which event. */
export interface ReplayAsk extends Omit<HookAsk, 'hook' | 'reason'> {
  readonly id: string;
  /** @default those whose firing is dead, else all that listen */
  readonly hook?: string | undefined;
  /** Refuses a hook that whoever asks may not fire, by throwing. @default they may fire all */
  readonly mayFire?: (hook: string) => void;
}

const eventColumns = `e.id, e.source, e.dedupe AS key, e.type, e.entity, e.record_id AS "recordId", e.version, e.occurred_at AS "occurredAt", e.received_at AS "receivedAt"`;
const firingColumns = `f.id, f.hook, f.state, f.due_at AS "dueAt", f.attempts, f.events, f.replayed_by IS NOT NULL AS "isReplay", f.version, f.run_id AS "runId",
  f.reason, f.error, f.ended_at AS "endedAt"`;

/** Hooks and ERP events, for people and programs. */
export class HookStore {
  readonly #pool: pg.Pool;
  readonly #hooks: ReadonlyMap<string, RegisteredHook>;
  readonly #listeners: Listeners;
  readonly #clock: Clock;

  /** `pool` acts as `tutti_engine`. */
  constructor(
    pool: pg.Pool,
    hooks: ReadonlyMap<string, RegisteredHook>,
    { clock }: { readonly clock: Clock },
  ) {
    this.#pool = pool;
    this.#hooks = hooks;
    this.#listeners = new Listeners(hooks);
    this.#clock = clock;
  }

  /** All hooks of the loaded modules, by name. */
  list(tenantId: number): Promise<readonly HookView[]> {
    return this.#views(tenantId, [...this.#hooks.keys()]);
  }

  /** @throws HOOK_UNKNOWN */
  async get(tenantId: number, name: string): Promise<HookView> {
    this.#known(name);
    const [view] = await this.#views(tenantId, [name]);
    return view as HookView;
  }

  async #views(tenantId: number, names: readonly string[]): Promise<readonly HookView[]> {
    const { rows } = await this.#pool.query<Pick<HookView, 'name' | 'paused' | 'waiting' | 'dead'>>(
      `SELECT h.name, CASE WHEN p.hook IS NOT NULL THEN json_build_object('actor', p.actor, 'reason', p.reason, 'at', p.at) END AS paused,
         (SELECT count(*)::int FROM tutti.hook_firing f WHERE f.tenant_id = $1 AND f.hook = h.name AND f.ended_at IS NULL) AS waiting,
         (SELECT count(*)::int FROM tutti.hook_firing f WHERE f.tenant_id = $1 AND f.hook = h.name AND f.state = 'dead') AS dead
       FROM unnest($2::text[]) h (name) LEFT JOIN tutti.hook_pause p ON p.tenant_id = $1 AND p.hook = h.name ORDER BY h.name`,
      [tenantId, names],
    );
    return rows.map(({ name, paused, ...counts }) => {
      const at = paused && { ...paused, at: new Date(paused.at) };
      return { ...viewOf(this.#hooks.get(name) as RegisteredHook), paused: at, ...counts };
    });
  }

  /** Events, the newest first, from before the id `before`. */
  async events(
    tenantId: number,
    options: {
      readonly limit: number;
      readonly before?: string | undefined;
      readonly source?: string | undefined;
      readonly hook?: string | undefined;
      readonly state?: FiringState | undefined;
    },
  ): Promise<readonly EventView[]> {
    const { limit, before = null, source = null, hook = null, state = null } = options;
    const { rows } = await this.#pool.query<Omit<EventView, 'firings'>>(
      `SELECT ${eventColumns} FROM tutti.hook_event e WHERE e.tenant_id = $1 AND ($2::uuid IS NULL OR e.id < $2) AND ($3::text IS NULL OR e.source = $3)
         AND ($4::text IS NULL AND $5::text IS NULL OR EXISTS (SELECT FROM tutti.hook_firing f WHERE ${ofEvent}
           AND ($4::text IS NULL OR f.hook = $4) AND ($5::text IS NULL OR f.state = $5)))
       ORDER BY e.id DESC LIMIT $6`,
      [tenantId, before, source, hook, state, limit],
    );
    return await this.#withFirings(tenantId, rows);
  }

  /** @throws HOOK_UNKNOWN when there is no such event */
  async event(tenantId: number, id: string): Promise<EventView> {
    const { rows } = await this.#pool.query<Omit<EventView, 'firings'>>(
      `SELECT ${eventColumns} FROM tutti.hook_event e WHERE e.tenant_id = $1 AND e.id::text = $2`,
      [tenantId, id.toLowerCase()],
    );
    const [view] = await this.#withFirings(tenantId, rows);
    if (view) return view;
    const shown = id.slice(0, 64);
    throw new EngineError(
      'HOOK_UNKNOWN',
      `There is no ERP event '${shown}'; see: tutti hooks events`,
    );
  }

  /**
   * Fires again for an event: the hooks whose firing is dead, else all that listen to it; or the one that is named. It is exempt from
   * deduplication on purpose: for a change that has started a run it starts another one. Conditions are asked anew; one that fires when it
   * becomes true fires if it holds.
   * @throws HOOK_UNKNOWN · INPUT_INVALID when nothing listens to it · what `mayFire` throws, before anything fires
   */
  async replay(ask: ReplayAsk): Promise<EventView> {
    const { tenantId, actor } = ask;
    const event = await this.event(tenantId, ask.id);
    const names = this.#toReplay(event, ask.hook);
    for (const name of names) ask.mayFire?.(name);
    const { entity, recordId } = event;
    const key =
      entity === null || recordId === null ? `event:${event.id}` : `${entity}:${recordId}`;
    const at = new Date(this.#clock.now());
    await inTransaction(this.#pool, async (client) => {
      await client.query(
        `INSERT INTO tutti.hook_firing (tenant_id, id, hook, entity, record_id, key, state, due_at, events, event_ids, replayed_by, created_at)
         SELECT $1, id, hook, $4, $5, $6, 'waiting', $7, 1, ARRAY[$8::uuid], $9, $7 FROM unnest($2::uuid[], $3::text[]) f (id, hook)`,
        [
          ...[tenantId, names.map(() => newId()), names, entity, recordId, key, at, event.id],
          toJsonb(actor),
        ],
      );
      // What was dead is in new hands.
      await client.query(
        `UPDATE tutti.hook_firing SET state = 'merged', reason = 'replayed' WHERE tenant_id = $1 AND key IN ($2, 'event:' || $3::text)
           AND hook = ANY ($4) AND state = 'dead' AND $3::uuid = ANY (event_ids)`,
        [tenantId, key, event.id, names],
      );
      const data = { hooks: names };
      const change = { tenantId, actor, action: 'hook_event.replay', target: event.id, data };
      await appendAudit(client, change);
    });
    return await this.event(tenantId, event.id);
  }

  /** Lets a hook's firings wait; events are recorded as ever. One that is paused already stays so. @throws HOOK_UNKNOWN */
  async pause({ tenantId, hook, actor, reason = '' }: HookAsk): Promise<HookView> {
    this.#known(hook);
    await inTransaction(this.#pool, async (client) => {
      const { rowCount } = await client.query(
        'INSERT INTO tutti.hook_pause (tenant_id, hook, actor, reason, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
        [tenantId, hook, toJsonb(actor), reason, new Date(this.#clock.now())],
      );
      if (rowCount === 1)
        await appendAudit(client, { tenantId, actor, action: 'hook.pause', target: hook });
    });
    return await this.get(tenantId, hook);
  }

  /** Lets it fire again: what has waited fires, once for each record. @throws HOOK_UNKNOWN */
  async resume({ tenantId, hook, actor }: HookAsk): Promise<HookView> {
    this.#known(hook);
    await inTransaction(this.#pool, async (client) => {
      const { rowCount } = await client.query(
        'DELETE FROM tutti.hook_pause WHERE tenant_id = $1 AND hook = $2',
        [tenantId, hook],
      );
      if (rowCount === 1)
        await appendAudit(client, { tenantId, actor, action: 'hook.resume', target: hook });
    });
    return await this.get(tenantId, hook);
  }

  #toReplay(event: EventView, asked: string | undefined): readonly string[] {
    const listening = this.#listeners.of(event).map(({ name }) => name);
    if (asked !== undefined) {
      this.#known(asked);
      if (listening.includes(asked)) return [asked];
      throw new EngineError('INPUT_INVALID', `Hook '${asked}' does not listen to this event.`);
    }
    const dead = event.firings.filter(({ state }) => state === 'dead').map(({ hook }) => hook);
    const meant = listening.filter((name) => dead.length === 0 || dead.includes(name));
    if (meant.length > 0) return meant;
    throw new EngineError(
      'INPUT_INVALID',
      'No hook listens to this event; nothing can be replayed.',
    );
  }

  #known(name: string): void {
    if (this.#hooks.has(name)) return;
    const known = [...this.#hooks.keys()].join(', ') || 'none';
    throw new EngineError(
      'HOOK_UNKNOWN',
      `There is no hook '${name.slice(0, 100)}'; known are: ${known}.`,
    );
  }

  async #withFirings(
    tenantId: number,
    events: readonly Omit<EventView, 'firings'>[],
  ): Promise<readonly EventView[]> {
    const { rows } = await this.#pool.query<FiringView & { readonly eventId: string }>(
      `SELECT e.id AS "eventId", ${firingColumns} FROM tutti.hook_event e JOIN tutti.hook_firing f ON ${ofEvent}
       WHERE e.tenant_id = $1 AND e.id = ANY ($2::uuid[]) ORDER BY f.id`,
      [tenantId, events.map(({ id }) => id)],
    );
    const byEvent = Map.groupBy(rows, ({ eventId }) => eventId);
    return events.map((event) => ({
      ...event,
      firings: (byEvent.get(event.id) ?? []).map(({ eventId: _, ...firing }) => firing),
    }));
  }
}

function viewOf({ name, module, hook }: RegisteredHook) {
  const { about, entity, types, edge, debounceMs, workflow, priority } = hook;
  return {
    ...{ name, module, about, entity, types, edge, debounceMs, workflow, priority },
    when: hook.when?.cel ?? null,
  };
}
