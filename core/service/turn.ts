import type pg from 'pg';

/**
 * Whether it is this engine's turn to do something that one engine does at a time: nobody has within `everyMs`. Who takes it and dies
 * leaves it to the next after that; so does whoever took it by a clock that was far ahead.
 */
export async function takeTurn(
  pool: pg.Pool,
  { name, now, everyMs }: { readonly name: string; readonly now: Date; readonly everyMs: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `INSERT INTO tutti.service_turn AS t (name, at) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE t.at <= $3 OR t.at >= $4 RETURNING 1`,
    [name, now, new Date(now.getTime() - everyMs), new Date(now.getTime() + everyMs)],
  );
  return rowCount === 1;
}
