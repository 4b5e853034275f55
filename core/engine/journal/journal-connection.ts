import type pg from 'pg';
import { type ConnectionConfig, dropClient, openClient } from '../../ports/db/connection.ts';
import type { Lease } from '../lease/lease.ts';

/** Planner settings of the journal's connection: plans must not depend on statistics that a fresh database lacks. */
export const journalSettings = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
  SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off`;

/** Without an answer for this long the connection is given up; only then is a network that swallows everything noticed. */
const deadlineMs = 15_000;

/**
 * Returns how the journal opens its connection, the first time and after every loss: settings made, lease renewed, so that
 * whatever the next flush permits finds it held. The server ends a statement before we give up its answer: otherwise one that
 * waits for a lock would outlive its connection and make its successor wait.
 * @throws ENGINE_FENCED when the lease is gone · DB_UNAVAILABLE · DB_FULL
 */
export function journalConnection(
  config: ConnectionConfig,
  lease: Lease,
  queryTimeoutMs = deadlineMs,
): () => Promise<pg.Client> {
  return async () => {
    const client = await openClient(config, 'tutti_engine', { queryTimeoutMs });
    try {
      const statementTimeoutMs = Math.round(queryTimeoutMs * 0.8);
      await client.query(`${journalSettings}; SET statement_timeout = ${statementTimeoutMs}`);
      await lease.renew(client);
      return client;
    } catch (error) {
      dropClient(client);
      throw error;
    }
  };
}
