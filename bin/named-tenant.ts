import { withHost, withTenant } from './call-host.ts';
import { type Call, exit } from './command.ts';
import type { Host } from './host.ts';
import { identityOf } from './parts/identity-of.ts';

/** Opens the host of a call for the tenant that `--tenant` names, else as `withTenant` does. @throws TENANT_UNKNOWN */
export async function withNamedTenant(
  call: Call,
  work: (host: Host, tenantId: number) => Promise<void>,
): Promise<number> {
  const slug = call.args.text('tenant');
  if (slug === undefined) return withTenant(call, work);
  return withHost(call, async (host) => {
    await work(host, (await identityOf(host, 0).tenants.find(slug)).id);
    return exit.done;
  });
}
