import { Router } from 'express';
import type { Clock } from '../../../base/clock.ts';
import { EngineError } from '../../../base/errors.ts';
import type { CompleteParts } from '../parts.ts';

const databasePatienceMs = 2_000;

/** `/livez`: the process answers. `/readyz`: it can take up runs; 503 says what is missing. */
export function healthRoutes({ history, engine, tenantId, clock }: CompleteParts): Router {
  const router = Router();

  router.get('/livez', (_request, response) => {
    response.json({ status: 'ok' });
  });

  router.get('/readyz', async (_request, response) => {
    if (engine.trouble) throw asUnavailable(engine.trouble);
    await within(clock, history.newestRun(tenantId));
    response.json({ status: 'ok' });
  });

  return router;
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
