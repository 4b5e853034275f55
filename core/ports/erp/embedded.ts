import type pg from 'pg';
import type { AnyEntity } from '../../sdk/entity.ts';
import { checkQuery } from './conditions.ts';
import type { Connector } from './connector.ts';
import { applyOnce } from './embedded/apply.ts';
import { readChanges } from './embedded/changes.ts';
import { readPage } from './embedded/read.ts';
import { type Table, tableOf } from './embedded/table.ts';
import { inTenantTransaction } from './embedded/transaction.ts';
import { capabilitiesOf, entitiesByName, entityNamed } from './writes.ts';

export { insertRows } from './embedded/insert.ts';
export { prepareEmbedded } from './embedded/prepare.ts';

/** The longest that a statement of the pool's connections runs, milliseconds. */
const maxCallMs = 30_000;

/**
 * The embedded ERP: canonical records as tables of schema `erp`, one tenant's. The connections of `pool` act as
 * `tutti_tenant`; `close` ends nothing, since whoever opened the pool ends it. A command and its effect commit together,
 * so a repeated key always meets its first outcome.
 */
export function embeddedConnector(options: {
  readonly pool: pg.Pool;
  readonly tenantId: number;
  readonly entities: readonly AnyEntity[];
}): Connector {
  const { pool, tenantId } = options;
  const byName = entitiesByName(options.entities);
  const tableNamed = (name: string): Table => tableOf(entityNamed(byName, name));
  return {
    describe: async () => capabilitiesOf([...byName.values()], maxCallMs),
    query: async (query, call) => {
      call?.signal?.throwIfAborted();
      const table = tableNamed(query.entity);
      const checked = checkQuery(table.entity, query);
      return await readPage(pool, table, { query: checked, tenantId });
    },
    apply: async (command, call) => {
      call.signal?.throwIfAborted();
      const table = tableNamed(command.entity);
      return await applyOnce(pool, { table, command, key: call.key, tenantId });
    },
    changes: async (cursor, { entities, signal }) => {
      signal?.throwIfAborted();
      const tables = entities.map(tableNamed);
      return await inTenantTransaction(pool, { tenantId, mode: 'READ ONLY' }, (client) =>
        readChanges(client, tables, { cursor, tenantId }),
      );
    },
    close: async () => {},
  };
}
