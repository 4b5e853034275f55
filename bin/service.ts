import type { Engine } from '../core/engine/engine.ts';
import type { Host } from './host.ts';
import { auditHeadsOf } from './parts/audit-of.ts';
import { hookPartsOf } from './parts/hooks-of.ts';
import { noticesOf } from './parts/notices-of.ts';
import { schedulesOf } from './parts/schedules-of.ts';
import { telemetryOf } from './parts/telemetry-of.ts';
import { deliveriesOf } from './parts/webhooks-of.ts';

/** What runs beside the API as long as the process serves: it is started in this order and closed in the other. */
export interface ServicePart {
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What the service speaks for. */
export interface ServiceOptions {
  readonly tenantId: number;
  /** Schedules fire nothing before this is over. @default nothing to wait for */
  readonly firesAfter?: Promise<unknown>;
  /** What that tenant's runs take for today. @default today */
  readonly businessDate?: string;
}

/** Starts everything that a serving process does by itself; resolves with how to end it. */
export async function openService(
  host: Host,
  engine: Engine,
  options: ServiceOptions,
): Promise<{ close(): Promise<void> }> {
  const started: ServicePart[] = [];
  const close = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part.close();
  };
  try {
    for (const part of partsOf(host, engine, options)) {
      await part.start();
      started.push(part);
    }
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

function partsOf(host: Host, engine: Engine, options: ServiceOptions): readonly ServicePart[] {
  const { hooks = true, webhooks = true, schedules = true } = host.config.features ?? {};
  return [
    telemetryOf(host, engine),
    auditHeadsOf(host),
    ...(hooks ? [renewed(host, hookPartsOf(host, engine, options))] : []),
    ...(webhooks ? [deliveriesOf(host)] : []),
    ...noticesOf(host, engine, options),
    ...(schedules ? [renewed(host, firingOf(host, engine, options))] : []),
  ];
}

function firingOf(host: Host, engine: Engine, options: ServiceOptions) {
  const make = schedulesOf(host, engine, options);
  return () => [make()];
}

/** What works by what modules declare: it is ended and begun anew when others are loaded. */
function renewed({ loading, log }: Host, make: () => readonly ServicePart[]): ServicePart {
  let parts: readonly ServicePart[] = [];
  let turn: Promise<void> = Promise.resolve();
  let forget = (): void => {};
  const end = async (): Promise<void> => {
    for (const part of [...parts].reverse()) await part.close();
    parts = [];
  };
  const begin = async (): Promise<void> => {
    parts = make();
    for (const part of parts) await part.start();
  };
  const close = async (): Promise<void> => {
    forget();
    await turn;
    await end();
  };
  return {
    async start() {
      forget = loading.loader.onChange(() => {
        turn = turn
          .then(end)
          .then(begin)
          .catch((error: unknown) =>
            log.error('What modules start could not be renewed.', { error }),
          );
      });
      await begin().catch(async (error: unknown) => {
        await close();
        throw error;
      });
    },
    close,
  };
}
