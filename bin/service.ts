import type { Engine } from '../core/engine/engine.ts';
import type { Host } from './host.ts';

/** What runs beside the API as long as the process serves: it is started in this order and closed in the other. */
export interface ServicePart {
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What the service speaks for. */
export interface ServiceOptions {
  readonly tenantId: number;
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

function partsOf(_host: Host, _engine: Engine, _options: ServiceOptions): readonly ServicePart[] {
  return [];
}
