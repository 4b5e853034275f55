import type { Response } from 'express';
import { EngineError } from '../../../base/errors.ts';
import { iconLink } from '../../batch/report/icon.ts';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, type Route } from '../route.ts';

// Pages bring their own style and nothing else: text of agents and records can load nothing, run nothing and post nothing.
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const page = { 200: { type: 'text/html' } } as const;

/** `/` and `/report`: what people open in a browser. */
export function pageRoutes({ history, report, ...parts }: CompleteParts): readonly Route[] {
  const index = indexPage(parts.console !== undefined);
  const first = defineRoute({
    method: 'get',
    path: '/',
    summary: 'The page that leads to the others.',
    permission: null,
    answers: page,
    handle: async ({ response }) => sendPage(response, index),
  });
  if (!report) return [first];
  return [
    first,
    defineRoute({
      method: 'get',
      path: '/report',
      summary: 'Leads to the report of the newest run.',
      permission: 'runs:read',
      answers: { 302: null },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, principal, response }) => {
        const runId = await history.newestRun(tenantId, principal);
        if (runId !== null) return void response.redirect(302, `/report/${runId}`);
        throw new EngineError('RUN_UNKNOWN', 'There is no run yet; start one, then ask again.');
      },
    }),
    defineRoute({
      method: 'get',
      path: '/report/:id',
      summary: 'The report of a run, as a page.',
      permission: 'runs:read',
      answers: page,
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, params, principal, response }) => {
        const { id } = await history.head(tenantId, params.id, principal);
        return sendPage(response, await report(tenantId, id));
      },
    }),
  ];
}

function sendPage(response: Response, page: string): undefined {
  response.set('Content-Security-Policy', pagePolicy).type('html').send(page);
}

function indexPage(hasConsole: boolean): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tutti</title>
${iconLink}
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>Tutti</h1>
<ul>
${hasConsole ? '<li><a href="/console/">Console</a>\n' : ''}<li><a href="/report">Report of the newest run</a>
<li><a href="/v1/runs">Runs</a>
<li><a href="/v1/findings">Findings</a>
<li><a href="/v1/proposals">Proposals</a>
<li><a href="/v1/modules">Modules</a>
<li><a href="/docs">API reference</a>
<li><a href="/readyz">Readiness</a>
</ul>
</html>
`;
}
