import { Policies } from '../../core/engine/policies/policies.ts';
import { PolicyStore } from '../../core/engine/policies/policy-store.ts';
import type { Host } from '../host.ts';
import { companiesOf } from './authority-of.ts';

/** The policies of this process's installation, and of its tenants. */
export function policiesOf(host: Host): Policies {
  const { database, registry, config, store } = host;
  const { definitions } = store;
  return new Policies({
    ...{ definitions, registry, config },
    store: new PolicyStore(database.pool('tutti_engine', 1), definitions),
    companies: (tenantId) => companiesOf(host, tenantId),
  });
}
