import { hostname } from 'node:os';
import { systemClock } from '../../core/base/clock.ts';
import { toErrorData } from '../../core/base/errors.ts';
import type { Engine } from '../../core/engine/engine.ts';
import type { AlertsConfig, MorningReportConfig } from '../../core/ports/service-config.ts';
import { Alerts } from '../../core/service/alerts/alerts.ts';
import { MorningReporter } from '../../core/service/batch/morning-reporter.ts';
import { readTenants } from '../../core/service/identity/tenants.ts';
import { MessageSender } from '../../core/service/messages/sender.ts';
import type { Host } from '../host.ts';
import { tenantsInUse } from '../tenants-in-use.ts';
import { oneLine } from '../terminal.ts';

/** What goes wrong beside the runs, on standard error: none of it stops the process. */
export function tellOperator(error: unknown): void {
  const { code, message } = toErrorData(error);
  process.stderr.write(`${oneLine(`${code}: ${message}`)}\n`);
}

/** Sends messages to people. */
export function senderOf(host: Host, env: NodeJS.ProcessEnv = process.env): MessageSender {
  const { mail, slack } = host.config;
  const pool = host.database.pool('tutti_engine', 1);
  return new MessageSender({ pool, clock: systemClock, env, mail, slack, onError: tellOperator });
}

/** What people are told of by mail and Slack: the parts that the configuration asks for. */
export function noticesOf(
  host: Host,
  engine: Engine,
  { tenantId }: { readonly tenantId: number },
): readonly (MorningReporter | Alerts | MessageSender)[] {
  const { morningReport, alerts } = host.config;
  return [
    ...(morningReport ? [reporterOf(host, morningReport)] : []),
    ...(alerts ? [alertsOf(host, { engine, tenantId, config: alerts })] : []),
    ...(morningReport || alerts ? [senderOf(host)] : []),
  ];
}

/** Looks at the thresholds of every tenant. */
function alertsOf(
  host: Host,
  {
    engine,
    tenantId,
    config,
  }: {
    readonly engine: Engine;
    readonly tenantId: number;
    readonly config: AlertsConfig;
  },
): Alerts {
  const pool = host.database.pool('tutti_engine', 1);
  return new Alerts({
    ...{ pool, clock: systemClock, tenantId, config, onError: tellOperator },
    tenants: () => tenantsInUse(pool, tenantId),
    trouble: () => engine.trouble,
    registry: host.registry,
    host: hostname(),
  });
}

/** Reports the nights of every tenant. */
function reporterOf(
  { database, history, registry }: Host,
  config: MorningReportConfig,
): MorningReporter {
  const pool = database.pool('tutti_engine', 1);
  const tenants = () => readTenants(pool);
  return new MorningReporter({
    ...{ pool, history, registry, tenants, config },
    ...{ clock: systemClock, onError: tellOperator },
  });
}
