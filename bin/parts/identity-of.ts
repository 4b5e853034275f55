import { systemClock } from '../../core/base/clock.ts';
import { Identity } from '../../core/service/identity/identity.ts';
import type { Host } from '../host.ts';

/** Who callers of a process are; those who name no tenant speak for the one that is named. @throws CONFIG_INVALID */
export function identityOf(
  { database, config }: Pick<Host, 'database' | 'config'>,
  tenantId: number,
): Identity {
  const pool = database.pool('tutti_engine', 2);
  return new Identity({ database, pool, config: config.api ?? {}, tenantId, clock: systemClock });
}
