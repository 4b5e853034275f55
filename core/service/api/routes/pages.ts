import type { Response } from 'express';
import { Router } from 'express';
import { EngineError } from '../../../base/errors.ts';
import type { CompleteParts } from '../parts.ts';

// Pages bring their own style and nothing else: text of agents and records can load nothing, run nothing and post nothing.
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `/` and `/report`: what people open in a browser. */
export function pageRoutes({ history, report, tenantId }: CompleteParts): Router {
  const router = Router();

  router.get('/', (_request, response) => sendPage(response, index));

  if (report) {
    router.get('/report', async (_request, response) => {
      const runId = await history.newestRun(tenantId);
      if (runId !== null) return response.redirect(302, `/report/${runId}`);
      throw new EngineError('RUN_UNKNOWN', 'There is no run yet; start one, then ask again.');
    });

    router.get('/report/:id', async (request, response) => {
      const { id } = await history.head(tenantId, request.params.id);
      sendPage(response, await report(tenantId, id));
    });
  }

  return router;
}

function sendPage(response: Response, page: string): void {
  response.set('Content-Security-Policy', pagePolicy).type('html').send(page);
}

const index = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tutti</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>Tutti</h1>
<ul>
<li><a href="/report">Report of the newest run</a>
<li><a href="/v1/runs">Runs</a>
<li><a href="/v1/findings">Findings</a>
<li><a href="/v1/proposals">Proposals</a>
<li><a href="/v1/modules">Modules</a>
<li><a href="/readyz">Readiness</a>
</ul>
</html>
`;
