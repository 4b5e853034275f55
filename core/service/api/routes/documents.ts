import { createHash } from 'node:crypto';
import { z } from 'zod';
import { openApiOf, type WebhookType } from '../openapi/document.ts';
import { referencePage } from '../openapi/page.ts';
import { referenceStyle } from '../openapi/style.ts';
import { defineRoute, ok, type Route } from '../route.ts';

const documentShape = z.looseObject({ openapi: z.string(), paths: z.looseObject({}) });

// Exactly this style and the page's own icon, and nothing else: no script, no font, no form, no frame.
const digest = createHash('sha256').update(referenceStyle).digest('base64');
const policy = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** `/v1/openapi.json` and `/docs`: what there is, for programs and for people. `routes` has all of them, these two included. */
export function documentRoutes(
  routes: () => readonly Route[],
  webhookTypes: readonly WebhookType[],
): readonly Route[] {
  let made: ReturnType<typeof openApiOf> | undefined;
  const document = (): ReturnType<typeof openApiOf> => {
    made ??= openApiOf(routes(), webhookTypes);
    return made;
  };
  return [
    defineRoute({
      method: 'get',
      path: '/v1/openapi.json',
      summary: 'This document.',
      permission: null,
      answers: { 200: documentShape },
      current: async () => document(),
      handle: async () => ok(document()),
    }),
    defineRoute({
      method: 'get',
      path: '/docs',
      summary: 'This document, as a page.',
      permission: null,
      answers: { 200: { type: 'text/html' } },
      handle: async ({ response }) => {
        response.set('Content-Security-Policy', policy).type('html');
        return void response.send(referencePage(document()));
      },
    }),
  ];
}
