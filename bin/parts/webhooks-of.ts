import { systemClock } from '../../core/base/clock.ts';
import { openSeal } from '../../core/ports/seal.ts';
import type { WebhookDesk } from '../../core/service/api/routes/webhooks.ts';
import { WebhookDeliveries } from '../../core/service/webhooks/deliveries.ts';
import { DeliveryLog } from '../../core/service/webhooks/delivery-log.ts';
import { egressOf, Webhooks } from '../../core/service/webhooks/endpoints.ts';
import type { Host } from '../host.ts';
import { tellOperator } from './notices-of.ts';

/** The webhook endpoints of an installation, and what was delivered to them. */
export function webhooksOf(host: Host): WebhookDesk {
  const pool = host.database.pool('tutti_engine', 1);
  const { webhooks: config } = host.config;
  return {
    webhooks: new Webhooks({ pool, clock: systemClock, config, seal: openSeal(host.env) }),
    log: new DeliveryLog(pool, systemClock),
  };
}

/** Tells the endpoints what happens. */
export function deliveriesOf(host: Host): Pick<WebhookDeliveries, 'start' | 'close'> {
  let opened: WebhookDeliveries | null = null;
  return {
    async start() {
      // Who has no endpoints need not wait for what speaks with them.
      const { guardedFetch } = await import('../../core/ports/http/guarded-fetch.ts');
      opened = new WebhookDeliveries({
        pool: host.database.pool('tutti_engine', 3),
        clock: systemClock,
        fetch: guardedFetch(egressOf(host.config.webhooks)),
        onError: tellOperator,
        seal: openSeal(host.env),
        metrics: host.telemetry.metrics,
      });
      await opened.start();
    },
    async close() {
      await opened?.close();
    },
  };
}
