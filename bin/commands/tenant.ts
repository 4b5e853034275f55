import { countOf } from '../../core/service/batch/format.ts';
import type { Tenants, TenantView } from '../../core/service/identity/tenants.ts';
import { wrongUse } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { type Call, type Command, exit } from '../command.ts';
import { minuteText } from '../moment.ts';
import { operator } from '../operator.ts';
import { identityOf } from '../parts/identity-of.ts';
import { table } from '../terminal.ts';

const wrong = wrongUse('tenant');

const changes = ['create', 'suspend', 'resume'] as const;
type Change = (typeof changes)[number];

const done: Readonly<Record<Change, string>> = {
  create: 'is made; give it a key: tutti key create NAME --role tenant_admin --tenant',
  suspend:
    'is suspended: within a second its callers are refused and its runs stand still; tutti tenant resume',
  resume: 'is let in again, and its runs go on',
};

/** `tutti tenant`: the customers of an installation. */
export const tenant: Command = (call) => {
  const [action = '', slug] = call.args.positionals;
  const change = changes.find((each) => each === action);
  if (action !== 'list' && !change)
    throw wrong(`takes list, ${changes.join(', ')}, not '${action}'`);
  if (change && slug === undefined) throw wrong(`${change} needs NAME`);
  return withHost(call, async (host) => {
    const { tenants } = identityOf(host, 0);
    if (change) tell(call, change, await tenants[change](slug as string, operator()));
    else await list(call, tenants);
    return exit.done;
  });
};

async function list({ terminal }: Call, tenants: Tenants): Promise<void> {
  const all = await tenants.list();
  if (terminal.isJson) return terminal.print(all);
  const rows = all.map(({ slug, createdAt, suspendedAt }) => [
    ...[slug, createdAt.toISOString().slice(0, 10)],
    suspendedAt === null ? '' : `suspended since ${minuteText(suspendedAt)}`,
  ]);
  for (const line of table(rows)) terminal.say(line.trimEnd());
  terminal.say(`${countOf(all.length, 'tenant')}.`);
}

function tell({ terminal }: Call, change: Change, view: TenantView): void {
  if (terminal.isJson) return terminal.print(view);
  const more = change === 'create' ? ` ${view.slug}` : '.';
  terminal.say(`'${view.slug}' ${done[change]}${more}`);
}
