import { EngineError } from '../../core/base/errors.ts';
import { inTransaction } from '../../core/ports/db/transaction.ts';
import type { MorningReportConfig, Recipients } from '../../core/ports/service-config.ts';
import { newestNight, readMorningReport } from '../../core/service/batch/morning-report.ts';
import { sectionsOf } from '../../core/service/batch/morning-report-text.ts';
import { recipientsOf, sendReport, styleOf } from '../../core/service/batch/morning-reporter.ts';
import { readTenant } from '../../core/service/identity/tenants.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { type Command, exit } from '../command.ts';
import type { Host } from '../host.ts';
import { senderOf } from '../parts/notices-of.ts';
import { oneLine } from '../terminal.ts';

/** `tutti report`: what a night brought, and what changed since the one before. */
export const report: Command = (call) =>
  withHost(call, async (host) => {
    const { args, terminal, env } = call;
    const [asked] = args.positionals;
    const tenantId = await readingTenant(host, { runId: asked });
    const { morningReport: config = {} } = host.config;
    const pool = host.database.pool('tutti_engine', 1);
    const workflow = config.after ?? 'nightly';
    const runId = asked ?? (tenantId === null ? null : await newestNight(pool, tenantId, workflow));
    if (tenantId === null || runId === null)
      throw new EngineError('RUN_UNKNOWN', 'There is no night yet; start one: tutti start');
    const { recipients, named } = await sendingOf(host, { tenantId, config });
    if (args.has('send') && !recipients.to?.length && !recipients.slack?.length)
      throw new EngineError(
        'CONFIG_INVALID',
        "Nobody is named who gets the report; set 'morningReport' in the configuration.",
      );
    const found = await readMorningReport(
      { history: host.history, pool },
      { tenantId, runId, since: args.text('since') },
    );
    if (terminal.isJson) terminal.print(found);
    for (const { title, lines } of terminal.isJson ? [] : sectionsOf(found, styleOf(config))) {
      terminal.say(`\n${terminal.bold(oneLine(title))}`);
      for (const line of lines) terminal.say(`  ${oneLine(line)}`);
    }
    if (args.has('send')) {
      const now = new Date();
      await inTransaction(pool, (client) =>
        sendReport(client, found, { tenantId, config, recipients, named, now }),
      );
      await senderOf(host, env).sendDue();
      terminal.say('\nIt is on its way.');
    }
    return exit.done;
  });

/** Whom a tenant's report goes to, and by which name its subject tells it from those of others. */
async function sendingOf(
  host: Host,
  { tenantId, config }: { readonly tenantId: number; readonly config: MorningReportConfig },
): Promise<{ readonly recipients: Recipients; readonly named: string | null }> {
  const tenant = await readTenant(host.database.pool('tutti_engine', 1), tenantId);
  const slug = tenant?.slug ?? '';
  return { recipients: recipientsOf(config, slug), named: tenant?.isAlone ? null : slug };
}
