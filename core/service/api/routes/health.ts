import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { EngineError } from '../../../base/errors.ts';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, ok, type Route } from '../route.ts';

const databasePatienceMs = 2_000;

const healthShape = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

/** `/livez`: the process answers. `/readyz`: it can take up runs; 503 says what is missing. */
export function healthRoutes({ history, engine, clock }: CompleteParts): readonly Route[] {
  const asked = { method: 'get', permission: null, isUncounted: true } as const;
  return [
    defineRoute({
      ...asked,
      path: '/livez',
      summary: 'Says that the process answers.',
      answers: { 200: healthShape },
      handle: async () => ok({ status: 'ok' }),
    }),
    defineRoute({
      ...asked,
      path: '/readyz',
      summary: 'Says whether it can take up runs.',
      answers: { 200: healthShape },
      errors: ['ENGINE_STOPPED', 'DB_UNAVAILABLE'],
      handle: async ({ tenantId }) => {
        if (engine.trouble) throw asUnavailable(engine.trouble);
        await within(clock, history.newestRun(tenantId));
        return ok({ status: 'ok' });
      },
    }),
  ];
}

/** Whatever is wrong inside, to a load balancer this process is unavailable. */
function asUnavailable({ code, message, status }: EngineError): EngineError {
  return status === 503
    ? new EngineError(code, message)
    : new EngineError('ENGINE_STOPPED', message);
}

async function within(clock: Clock, answer: Promise<unknown>): Promise<void> {
  let cancel = (): void => {};
  const late = new Promise<never>((_resolve, reject) => {
    const error = new EngineError(
      'DB_UNAVAILABLE',
      `The database has not answered for ${databasePatienceMs} ms; see its log.`,
    );
    cancel = clock.after(databasePatienceMs, () => reject(error));
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    cancel();
  }
}
