/**
 * The one statement by which a run's changes become durable: multi-row upserts under the fence of the engine's lease.
 *
 * One round trip, autocommit. All parts see one snapshot, so nothing here may read what another part wrote. Upserts, because
 * `UPDATE … FROM unnest` plans quadratically on tables without statistics (1,000 instead of 12,000 steps/s, measured).
 * Budget rows are locked in key order, so two engines cannot deadlock. Calls are paid in the order in which they were granted;
 * one that a purse has too little for is left out alone, and counts against those after it. An ended step stays as it is, but its end may be
 * written twice: there may be changes of it after its end.
 * A finding that was resolved and is there again in another run is open again.
 */

// The columns of each part, in the order in which flush-rows.ts fills them; the type decides how its array is written and read.
const columns = {
  want: 'tenant_id int, scope text, period date, release bigint, settle bigint',
  asks: 'ask int, tenant_id int, scope text, period date, reserve bigint',
  turns: `tenant_id int, run_id uuid, seq bigint, step int, model text, price_v int, reserved_micro_usd bigint, simulated boolean,
    batch boolean, ask int`,
  settles: `tenant_id int, run_id uuid, seq bigint, step int, model text, price_v int, reserved_micro_usd bigint,
    state text, cost_micro_usd bigint, tokens jsonb`,
  steps: `tenant_id int, run_id uuid, id int, node text, item_key text, kind text, agent text, status text,
    attempt smallint, crashes smallint, priority smallint, critical boolean, worker text, wait text, wake_at timestamptz,
    ready_at timestamptz, started_at timestamptz, ended_at timestamptz, output_seq bigint, error jsonb, cost_micro_usd bigint,
    degraded boolean, trust text`,
  attempts: `tenant_id int, run_id uuid, step int, no smallint, worker text, started_at timestamptz,
    ended_at timestamptz, outcome text, error jsonb, turns smallint, span_id bytea`,
  entries: `tenant_id int, run_id uuid, seq bigint, step int, attempt smallint, kind text, data jsonb, ask int`,
  payloads: `tenant_id int, run_id uuid, seq bigint, class text, start int, size int, ask int`,
  effects: `tenant_id int, key bytea, run_id uuid, step int, seq bigint, tool text, contract bytea, duty text,
    actor jsonb, entity text, target_id text, company text, args_sha256 bytea, binds jsonb, state text,
    started_at timestamptz, undo_of bytea, amount numeric, currency text`,
  documents: 'tenant_id int, entity text, record_id text, part text, key bytea',
  effect_ends: 'tenant_id int, key bytea, state text, outcome jsonb, approval uuid, claim text',
  findings: `tenant_id int, run_id uuid, fingerprint bytea, step int, seq bigint, module text, agent text, kind text,
    severity text, company text, records jsonb, amount numeric, currency text, simulated boolean`,
  runs: 'tenant_id int, id uuid, status text, ended boolean, priority smallint',
  taken: 'id bigint',
} as const;

/** A part of the flush: rows for one table, or one purpose. */
export type Part = keyof typeof columns;
export const parts = Object.keys(columns) as readonly Part[];

/** How many columns a part has. */
const widthOf = (part: Part): number => columns[part].split(',').length;

/** The SQL types of a part's columns, in their order. */
export const typesOf = (part: Part): readonly string[] =>
  columns[part].split(',').map((column) => column.trim().split(' ')[1] as string);

/** What the array of a column is sent as, and read as. */
const castsOf = (type: string): string => (type === 'numeric' ? 'text[]::numeric[]' : `${type}[]`);

const namesOf = (part: Part): string =>
  columns[part]
    .split(',')
    .map((column) => column.trim().split(' ')[0])
    .join(', ');

// The engine's boot id, the number of its last flush and the number of this one.
const ownParameters = 3;

/** An array, and the column that its cells are. */
interface Column {
  readonly name: string;
  readonly array: string;
}

/**
 * The rows of a part, `d`, with the parameter numbers that follow from the order of the parts. The arrays stand side by side in the list of a SELECT, where
 * they are read cell by cell: `FROM unnest(a, b, …)` copies each into a table of its own before, a tenth of what a flush costs the server.
 * `only`: these columns; `more`: these, too.
 */
function rowsOf(
  part: Part,
  {
    only,
    more = [],
  }: { readonly only?: readonly string[]; readonly more?: readonly Column[] } = {},
): string {
  const first = parts
    .slice(0, parts.indexOf(part))
    .reduce((sum, each) => sum + widthOf(each), ownParameters + 1);
  const types = typesOf(part);
  const own = namesOf(part)
    .split(', ')
    .map((name, index) => ({
      name,
      array: `$${first + index}::${castsOf(types[index] as string)}`,
    }))
    .filter(({ name }) => !only || only.includes(name));
  const cells = [...own, ...more].map(({ name, array }) => `unnest(${array}) AS ${name}`);
  return `(SELECT ${cells.join(', ')}) AS d`;
}

/** What the ends that use approvals up have in a column. */
const ofClaims = (column: string): string =>
  `(SELECT ${column} FROM ${rowsOf('effect_ends', { only: [column, 'approval'] })} WHERE approval IS NOT NULL)`;

const stepChanges = namesOf('steps')
  .split(', ')
  .filter(
    (column) => !/^(tenant_id|run_id|id|node|item_key|kind|agent|priority|critical)$/.test(column),
  )
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');

const effectChanges = namesOf('effects')
  .split(', ')
  .filter((column) => !/^(tenant_id|key)$/.test(column))
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');

// A proposal gives way to another one under its key, and to what may happen without asking; one that lost a race is asked for anew. Of
// what people are shown, the record's version alone does not count.
const isSuperseded = `(t.state = 'conflict' AND excluded.state = 'proposed') OR (t.state = 'proposed' AND (excluded.state = 'started'
    OR t.args_sha256 <> excluded.args_sha256 OR t.contract <> excluded.contract OR t.binds - 'version' IS DISTINCT FROM excluded.binds - 'version'))`;

// The bodies of all payloads in one binary parameter: as an array of bytea each would be sent in hex and quoted, twice its size.
const bodiesAt = parts.reduce((sum, each) => sum + widthOf(each), ownParameters + 1);
const bodies = `$${bodiesAt}::bytea`;

const payloadColumns = 'tenant_id, run_id, seq, class, encoding, sha256, size, body';
const payloadValues =
  "d.tenant_id, d.run_id, d.seq, d.class, 'json', sha256(b.body), d.size, b.body";
const storeAll = `(${payloadColumns})
  SELECT ${payloadValues} FROM mark, ${rowsOf('payloads')},`;
const storeSealed = `(${payloadColumns}, key_id)
  SELECT ${payloadValues}, d.key_id FROM mark, ${rowsOf('payloads', { more: [{ name: 'key_id', array: `$${bodiesAt + 1}::int[]` }] })},`;

/**
 * $1 is the engine's boot id, $2 the number of its last flush, $3 the number of this one; then the columns of `columns`, one
 * array each; then the bodies, end to end. `mark` compares and sets the number under a row lock: however often a flush is sent,
 * and however late one arrives that was thought lost, it is written once, and none after its successor.
 */
export const flushSql = `
WITH fence AS MATERIALIZED (SELECT id FROM tutti.engine WHERE id = $1 AND state <> 'gone' FOR KEY SHARE),
mark AS (INSERT INTO tutti.flush AS f (engine_id, no) SELECT id, $3::bigint FROM fence
  ON CONFLICT (engine_id) DO UPDATE SET no = excluded.no WHERE f.no = $2::bigint RETURNING 1),
want AS MATERIALIZED (SELECT * FROM ${rowsOf('want')}),
asks AS MATERIALIZED (SELECT * FROM ${rowsOf('asks')}),
held AS MATERIALIZED (SELECT tenant_id, scope, period, limit_micro_usd - reserved_micro_usd - settled_micro_usd AS free FROM tutti.budget
  WHERE (tenant_id, scope, period) IN (SELECT tenant_id, scope, period FROM want) ORDER BY 1, 2, 3 FOR NO KEY UPDATE),
poor AS MATERIALIZED (SELECT DISTINCT ask FROM (SELECT *, sum(reserve) OVER (PARTITION BY tenant_id, scope, period ORDER BY ask) AS upto
  FROM asks JOIN held USING (tenant_id, scope, period) JOIN want USING (tenant_id, scope, period)) a WHERE upto > free + release - settle),
paid AS MATERIALIZED (SELECT tenant_id, scope, period, sum(reserve)::bigint AS reserve FROM asks WHERE ask NOT IN (SELECT ask FROM poor) GROUP BY 1, 2, 3),
spent AS (UPDATE tutti.budget u SET reserved_micro_usd = u.reserved_micro_usd - w.release + coalesce(p.reserve, 0), settled_micro_usd = u.settled_micro_usd + w.settle
  FROM mark, held h JOIN want w USING (tenant_id, scope, period) LEFT JOIN paid p USING (tenant_id, scope, period)
  WHERE u.tenant_id = h.tenant_id AND u.scope = h.scope AND u.period = h.period
  RETURNING u.tenant_id, u.scope, u.period, u.limit_micro_usd, u.reserved_micro_usd, u.settled_micro_usd),
turns AS (INSERT INTO tutti.ledger (tenant_id, run_id, seq, step, model, price_v, reserved_micro_usd, simulated, batch, state)
  SELECT d.tenant_id, d.run_id, d.seq, d.step, d.model, d.price_v, d.reserved_micro_usd, d.simulated, d.batch, 'reserved'
  FROM mark, ${rowsOf('turns')} WHERE d.ask NOT IN (SELECT ask FROM poor)),
settles AS (INSERT INTO tutti.ledger AS t (tenant_id, run_id, seq, step, model, price_v, reserved_micro_usd, state, cost_micro_usd, tokens)
  SELECT d.* FROM mark, ${rowsOf('settles')}
  ON CONFLICT (tenant_id, run_id, seq) DO UPDATE SET state = excluded.state, cost_micro_usd = excluded.cost_micro_usd, tokens = excluded.tokens),
steps AS (INSERT INTO tutti.step AS t (${namesOf('steps')}) SELECT d.* FROM mark, ${rowsOf('steps')}
  ON CONFLICT (tenant_id, run_id, id) DO UPDATE SET ${stepChanges}
  WHERE (t.ended_at IS NULL OR t.ended_at = excluded.ended_at) AND t.attempt <= excluded.attempt RETURNING 1),
attempts AS (INSERT INTO tutti.attempt (${namesOf('attempts')}) SELECT d.* FROM mark, ${rowsOf('attempts')}),
entries AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, step, attempt, kind, data)
  SELECT d.tenant_id, d.run_id, d.seq, d.step, d.attempt, d.kind, d.data FROM mark, ${rowsOf('entries')} WHERE d.ask IS NULL OR d.ask NOT IN (SELECT ask FROM poor)),
feeds AS (INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq)
  SELECT d.tenant_id, d.run_id, min(d.seq), max(d.seq) FROM mark, ${rowsOf('entries', { only: ['tenant_id', 'run_id', 'seq'] })} GROUP BY 1, 2),
payloads AS (INSERT INTO tutti.payload ${storeAll}
  LATERAL (SELECT substring(${bodies} FROM d.start FOR d.size) AS body) b WHERE d.ask IS NULL OR d.ask NOT IN (SELECT ask FROM poor)),
effects AS (INSERT INTO tutti.effect AS t (${namesOf('effects')}) SELECT d.* FROM mark, ${rowsOf('effects')}
  ON CONFLICT (tenant_id, key) DO UPDATE SET ${effectChanges}, outcome = NULL, ended_at = NULL
  WHERE ${isSuperseded} RETURNING run_id, seq),
documents AS (INSERT INTO tutti.effect_document (${namesOf('documents')}) SELECT d.* FROM mark, ${rowsOf('documents')} ON CONFLICT DO NOTHING),
claimed AS MATERIALIZED (SELECT tenant_id, key FROM tutti.effect
  WHERE tenant_id = ANY (ARRAY${ofClaims('tenant_id')})
    AND key = ANY (ARRAY${ofClaims('key')}) AND state = 'proposed' ORDER BY 1, 2 FOR NO KEY UPDATE),
used AS (UPDATE tutti.approval a SET state = 'consumed', consumed_at = clock_timestamp(), used_by = d.claim FROM mark, claimed e, ${rowsOf('effect_ends', { only: ['tenant_id', 'key', 'approval', 'claim'] })}
  WHERE a.tenant_id = ANY (ARRAY${ofClaims('tenant_id')})
    AND a.id = ANY (ARRAY${ofClaims('approval')})
    AND a.tenant_id = d.tenant_id AND a.id = d.approval AND a.effect_key = d.key AND a.state = 'granted' AND a.expires_at > clock_timestamp()
    AND e.tenant_id = d.tenant_id AND e.key = d.key
  RETURNING a.id, a.used_by),
effect_ends AS (INSERT INTO tutti.effect AS t (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state, outcome, ended_at)
  SELECT d.tenant_id, d.key, '00000000-0000-0000-0000-000000000000', 0, 0, '', '', '{}', '', d.state, d.outcome, now() FROM mark, ${rowsOf('effect_ends', { only: ['tenant_id', 'key', 'state', 'outcome', 'approval'] })}
  WHERE d.approval IS NULL OR d.approval IN (SELECT id FROM used)
  ON CONFLICT (tenant_id, key) DO UPDATE SET state = excluded.state, outcome = CASE excluded.state WHEN 'undone' THEN t.outcome ELSE excluded.outcome END,
  started_at = CASE excluded.state WHEN 'started' THEN now() ELSE t.started_at END,
  ended_at = CASE excluded.state WHEN 'started' THEN NULL WHEN 'undone' THEN t.ended_at ELSE excluded.ended_at END),
findings AS (INSERT INTO tutti.finding (${namesOf('findings')}) SELECT d.* FROM mark, ${rowsOf('findings')}
  ON CONFLICT (tenant_id, run_id, fingerprint) DO NOTHING),
triage AS (INSERT INTO tutti.triage AS t (tenant_id, fingerprint, state, first_run, last_run)
  SELECT DISTINCT ON (d.tenant_id, d.fingerprint) d.tenant_id, d.fingerprint, 'open', d.run_id, d.run_id FROM mark, ${rowsOf('findings', { only: ['tenant_id', 'run_id', 'fingerprint', 'simulated'] })} WHERE NOT d.simulated
  ORDER BY d.tenant_id, d.fingerprint ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET last_run = excluded.last_run,
  state = CASE WHEN t.state = 'resolved' AND t.last_run <> excluded.last_run THEN 'open' ELSE t.state END),
runs AS (INSERT INTO tutti.run AS t (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, priority, actor, ended_at)
  SELECT d.tenant_id, d.id, '', 0, '{}', 0, 'epoch', '', d.status, d.priority, '{}', CASE WHEN d.ended THEN now() END FROM mark, ${rowsOf('runs')}
  ON CONFLICT (tenant_id, id) DO UPDATE SET status = excluded.status, priority = excluded.priority, ended_at = excluded.ended_at,
  owner = CASE WHEN excluded.ended_at IS NULL THEN t.owner END WHERE t.ended_at IS NULL),
taken AS (DELETE FROM tutti.inbox q USING mark WHERE q.id IN (SELECT d.id FROM ${rowsOf('taken')}))
SELECT (SELECT count(*) FROM fence)::int AS alive, (SELECT count(*) FROM mark)::int AS marked, (SELECT count(*) FROM steps)::int AS steps,
  (SELECT array_agg(run_id || ' ' || seq) FROM ${rowsOf('turns', { only: ['run_id', 'seq', 'ask'] })} WHERE ask IN (SELECT ask FROM poor)) AS refused,
  (SELECT json_agg(json_build_array(tenant_id, scope, period, limit_micro_usd, reserved_micro_usd, settled_micro_usd)) FROM spent) AS purses,
  (SELECT array_agg(at) FROM (SELECT run_id || ' ' || seq AS at FROM effects UNION ALL SELECT used_by FROM used) b) AS new_effects`;

const plainFlush = { name: 'flush', text: flushSql };
// What seals nothing sends nothing of keys, and has them neither parsed nor planned.
const sealedFlush = { name: 'sealed flush', text: flushSql.replace(storeAll, () => storeSealed) };

/** The statement for a flush's parameters: of one that seals bodies there is one more, the key of each payload. */
export function flushFor(values: readonly unknown[]): {
  readonly name: string;
  readonly text: string;
} {
  return values.length > bodiesAt ? sealedFlush : plainFlush;
}

/** A row of table `budget`, with the money in it in micro-USD. */
export type StoredPurse = readonly [
  tenantId: number,
  scope: string,
  period: string,
  limit: number,
  reserved: number,
  settled: number,
];

/** What the statement answers. */
export interface FlushRow {
  /** 0: another engine took over; stop everything. */
  readonly alive: number;
  /** 0: this flush is in already, by an earlier try whose answer was lost. */
  readonly marked: number;
  readonly steps: number;
  /** Turns that a purse had too little for: '<run> <seq>'. They were not written, all else was. */
  readonly refused: readonly string[] | null;
  /** What the purses that it moved hold since. */
  readonly purses: readonly StoredPurse[] | null;
  /**
   * Where the effects that were not known before were begun, or have superseded what was, and where approvals were used up: '<run> <seq>'.
   * Two steps may want the same one.
   */
  readonly new_effects: readonly string[] | null;
}

/** What became of a flush whose answer was lost: $1 boot; $2 to $4 tenants, runs and numbers of its turns; $5 and $6 tenants and keys of its effects. */
export const readBackSql = `
SELECT f.no, (SELECT array_agg(d.run_id || ' ' || d.seq) FROM unnest($2::int[], $3::uuid[], $4::bigint[]) AS d(tenant_id, run_id, seq)
    LEFT JOIN tutti.ledger l USING (tenant_id, run_id, seq) WHERE l.seq IS NULL) AS refused,
  (SELECT array_agg(e.run_id || ' ' || e.seq) FROM unnest($5::int[], $6::bytea[]) AS d(tenant_id, key)
    JOIN tutti.effect e USING (tenant_id, key)) || (SELECT array_agg(a.used_by) FROM unnest($5::int[], $6::bytea[]) AS d(tenant_id, key)
    JOIN tutti.approval a ON a.tenant_id = d.tenant_id AND a.effect_key = d.key AND a.used_by IS NOT NULL) AS effects
FROM tutti.flush f WHERE f.engine_id = $1`;

/** What `readBackSql` answers. */
export interface ReadBackRow {
  readonly no: number;
  /** Turns that were not written: '<run> <seq>'. */
  readonly refused: readonly string[] | null;
  readonly effects: readonly string[] | null;
}
