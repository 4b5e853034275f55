import { grantsOf, levelsOf } from '../../core/engine/authority/levels.ts';
import { readShadow } from '../../core/engine/authority/shadow-view.ts';
import type { AuthorityViews } from '../../core/engine/authority/views.ts';
import { SettingStore } from '../../core/engine/recovery/setting-store.ts';
import { publishedRegistry } from '../../core/engine/versions/published.ts';
import type { Host } from '../host.ts';

/** What the agents of an installation may do, and would have done. */
export function authorityOf(host: Host): AuthorityViews {
  const settings = new SettingStore(host.database, host);
  const pool = host.database.pool('tutti_engine', 1);
  return {
    async levels(tenantId) {
      const set = await grantsOf(settings, tenantId);
      const known = await publishedRegistry(host.store.definitions, host.registry, { tenantId });
      return levelsOf(known, { set, companies: await companiesOf(host, tenantId) });
    },
    shadow: (tenantId, options) =>
      readShadow(
        { pool, registry: host.registry, connector: (id) => host.connector(id) },
        tenantId,
        options,
      ),
  };
}

/** Codes of a tenant's companies. */
export async function companiesOf(host: Host, tenantId: number): Promise<readonly string[]> {
  const query = { entity: 'company', filter: {}, limit: 1_000 };
  const { rows } = await host.connector(tenantId).query(query);
  return rows.map(({ code }) => String(code));
}
