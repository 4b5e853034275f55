import type pg from 'pg';
import type { RecalledCall } from './broker.ts';

/** A little more than a minute's window. */
const recentMs = 62_000;

interface Row {
  readonly tenant_id: number;
  readonly ago_ms: number;
  readonly model: string;
  readonly module: string;
  readonly state: string;
  readonly bound: { readonly inputTokens: number; readonly outputTokens: number } | null;
  readonly tokens: { readonly input: number; readonly output: number } | null;
}

/**
 * The model calls of the last minute, by whichever engine, as the journal has them: a call is durable before it is made. They let
 * an engine that starts keep the limits of a minute that began before it. What is unsettled counts with its bounds.
 */
export async function recentCalls(
  database: pg.Pool | pg.ClientBase,
): Promise<readonly RecalledCall[]> {
  const { rows } = await database.query<Row>(
    `SELECT e.tenant_id, extract(epoch FROM clock_timestamp() - e.at)::float8 * 1000 AS ago_ms, l.model, e.data->>'module' AS module,
       l.state, e.data->'bound' AS bound, l.tokens
     FROM tutti.run r
     JOIN tutti.ledger l ON l.tenant_id = r.tenant_id AND l.run_id = r.id AND NOT l.simulated AND NOT l.batch
     JOIN tutti.entry e ON e.tenant_id = l.tenant_id AND e.run_id = l.run_id AND e.seq = l.seq
     WHERE (r.ended_at IS NULL OR r.ended_at > now() - $1 * interval '1 millisecond')
       AND e.at > now() - $1 * interval '1 millisecond'`,
    [recentMs],
  );
  return rows.map(({ tenant_id: tenantId, ago_ms: agoMs, model, module, ...row }) => ({
    tenantId,
    agoMs,
    model,
    module,
    used: usedBy(row),
  }));
}

function usedBy({
  state,
  tokens,
  bound,
}: Pick<Row, 'state' | 'tokens' | 'bound'>): RecalledCall['used'] {
  if (state === 'settled' && tokens)
    return { inputTokens: tokens.input, outputTokens: tokens.output };
  const { inputTokens = 0, outputTokens = 0 } = bound ?? {};
  return state === 'released' ? { inputTokens: 0, outputTokens: 0 } : { inputTokens, outputTokens };
}
