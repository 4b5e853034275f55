import type { CrashLab } from './crash-lab.ts';

/*
 * Somebody outside of the engines who writes down, in the transactions themselves, who came to own a run and which engine wrote what:
 * triggers beside the tables of Tutti. A claim of a run begins an epoch of it; its owner's row being freed ends the epoch.
 */

const watchSql = `
CREATE SCHEMA watch;
CREATE TABLE watch.claim (no bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), run_id uuid NOT NULL, former uuid, owner uuid);
CREATE TABLE watch.flush (xid bigint PRIMARY KEY, engine_id uuid NOT NULL);
CREATE FUNCTION watch.claimed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO watch.claim (run_id, former, owner) VALUES (NEW.id, OLD.owner, NEW.owner); RETURN NULL; END $$;
CREATE FUNCTION watch.flushed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO watch.flush VALUES (mod(pg_current_xact_id()::text::numeric, 4294967296)::bigint, NEW.engine_id) ON CONFLICT DO NOTHING; RETURN NULL; END $$;
CREATE TRIGGER watch_claim AFTER UPDATE ON tutti.run FOR EACH ROW WHEN (OLD.owner IS DISTINCT FROM NEW.owner) EXECUTE FUNCTION watch.claimed();
CREATE TRIGGER watch_flush AFTER INSERT OR UPDATE ON tutti.flush FOR EACH ROW EXECUTE FUNCTION watch.flushed();
`;

interface Claim {
  readonly run_id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly former: string | null;
  readonly owner: string | null;
}

/** What the watch has seen of all runs. */
export interface Watched {
  /** Claims of runs that somebody else owned, or frees of what was not theirs. */
  readonly seized: readonly string[];
  /** Runs whose journal was written by engines that did not own them in that order, one after the other. */
  readonly foreign: readonly string[];
  /** Entries that no flush has written, by kind. */
  readonly unflushed: Readonly<Record<string, number>>;
  /** How long a run was nobody's that lives, milliseconds, longest first. */
  readonly orphanedMs: readonly number[];
  /** How many epochs a run had at most. */
  readonly mostEpochs: number;
}

/** Begins to watch; before any run is submitted. */
export async function watchClaims(lab: CrashLab): Promise<void> {
  await lab.fresh.database.admin((client) => client.query(watchSql));
}

/** Looks at what was seen. `deaths`: when the process of an engine died without a word, milliseconds since 1970, by the engine's id. */
export async function readWatch(
  lab: CrashLab,
  deaths: ReadonlyMap<string, number>,
): Promise<Watched> {
  const read = <T extends object>(text: string) =>
    lab.fresh.database.admin(async (client) => (await client.query<T>(text)).rows);
  const claims = await read<Claim>(
    'SELECT run_id, (extract(epoch FROM at) * 1000)::float8 AS at, former, owner FROM watch.claim ORDER BY no',
  );
  const runs = await read<{ id: string; at: number }>(
    'SELECT id, (extract(epoch FROM created_at) * 1000)::float8 AS at FROM tutti.run',
  );
  const writers = await read<{ run_id: string; engine_id: string }>(
    `SELECT run_id, engine_id FROM (SELECT e.run_id, e.seq, f.engine_id, lag(f.engine_id) OVER (PARTITION BY e.run_id ORDER BY e.seq) AS before
       FROM tutti.entry e JOIN watch.flush f ON f.xid = e.xmin::text::bigint) w WHERE before IS DISTINCT FROM engine_id ORDER BY run_id, seq`,
  );
  const unflushed = await read<{ kind: string; entries: number }>(
    `SELECT e.kind, count(*)::int AS entries FROM tutti.entry e WHERE NOT EXISTS (SELECT FROM watch.flush f WHERE f.xid = e.xmin::text::bigint) GROUP BY 1`,
  );
  const claimsOf = Map.groupBy(claims, ({ run_id: id }) => id);
  const writersOf = Map.groupBy(writers, ({ run_id: id }) => id);
  const owners = (id: string) => (claimsOf.get(id) ?? []).flatMap(({ owner }) => owner ?? []);
  return {
    seized: runs.filter(({ id }) => isSeized(claimsOf.get(id) ?? [])).map(({ id }) => id),
    foreign: runs
      .filter(
        ({ id }) =>
          !isWithin(
            (writersOf.get(id) ?? []).map((w) => w.engine_id),
            owners(id),
          ),
      )
      .map(({ id }) => id),
    unflushed: Object.fromEntries(unflushed.map(({ kind, entries }) => [kind, entries])),
    orphanedMs: runs
      .flatMap(({ id, at }) => orphaned(at, claimsOf.get(id) ?? [], deaths))
      .sort((a, b) => b - a),
    mostEpochs: Math.max(0, ...runs.map(({ id }) => owners(id).length)),
  };
}

async function isWatched(lab: CrashLab): Promise<boolean> {
  const [row] = await lab.query<{ watched: boolean }>(
    `SELECT to_regnamespace('watch') IS NOT NULL AS watched`,
  );
  return row?.watched === true;
}

/** Who came to own a run, in order; nothing where nobody watches. */
export async function claimsOf(lab: CrashLab, runId: string): Promise<readonly object[]> {
  if (!(await isWatched(lab))) return [];
  const text = 'SELECT at, former, owner FROM watch.claim WHERE run_id = $1 ORDER BY no';
  return lab.fresh.database.admin(async (client) => (await client.query(text, [runId])).rows);
}

/** Which engines wrote the entries of a run, by transaction; nothing where nobody watches. */
export async function writersOf(
  lab: CrashLab,
  runId: string,
): Promise<ReadonlyMap<number, string>> {
  if (!(await isWatched(lab))) return new Map();
  const text = `SELECT DISTINCT f.xid, f.engine_id FROM tutti.entry e JOIN watch.flush f ON f.xid = e.xmin::text::bigint WHERE e.run_id = $1`;
  const { rows } = await lab.fresh.database.admin((client) =>
    client.query<{ xid: number; engine_id: string }>(text, [runId]),
  );
  return new Map(rows.map(({ xid, engine_id: engine }) => [Number(xid), engine]));
}

/** Whether a run went from one owner to another without being free, or not from the one who had it. */
function isSeized(claims: readonly Claim[]): boolean {
  return claims.some(
    ({ former, owner }, index) =>
      (former !== null && owner !== null) || former !== (claims[index - 1]?.owner ?? null),
  );
}

/** Whether `some` stand in `all` in that order. */
function isWithin(some: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  return some.every((each) => {
    at = all.indexOf(each, at) + 1;
    return at > 0;
  });
}

/** Spans in which a run waited for an owner that lives: from its submission, its release, or its owner's death, to the next claim. */
function orphaned(
  createdAt: number,
  claims: readonly Claim[],
  deaths: ReadonlyMap<string, number>,
): readonly number[] {
  const spans: number[] = [];
  let freeSince = createdAt;
  for (const { at, former, owner } of claims) {
    if (owner !== null) spans.push(at - freeSince);
    else freeSince = Math.min(at, (former !== null && deaths.get(former)) || at);
  }
  return spans;
}
