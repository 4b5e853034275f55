import { type RequestHandler, type Response, Router } from 'express';

/** A file that the console's page asks for. */
export interface ConsoleFile {
  /** Its media type. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** The console, bundled. */
export interface ConsoleBundle {
  /** The one page, HTML. It names its files as `assets/NAME`. */
  readonly page: string;
  /** By name; a name holds a hash of what is in the file, so it never changes under a name. */
  readonly files: ReadonlyMap<string, ConsoleFile>;
}

// Its own files and the API's answers, and nothing else: no inline script or style, no outside origin, no frame, no form, and no HTML
// that is made from text (Trusted Types).
const policy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"],
  ...["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join('; ');

const yearSeconds = 31_536_000;

/**
 * `/console/`: the web console, one page whose files never change under their names. It is for everybody and knows nothing: what
 * it shows it asks the API for, with the key of whoever has signed in. What is no file of the bundle is left to others.
 */
export function consoleRoutes(bundle: () => Promise<ConsoleBundle>): Router {
  const router = Router({ strict: true });
  // The names of its files stand beside the page; relative, for proxies that serve it under a path of theirs.
  router.get('/console', (_request, response) => response.redirect(308, 'console/'));
  router.get('/console/', async (_request, response) => sendPage(response, await bundle()));
  router.get('/console/assets/:name', sendFile(bundle));
  return router;
}

function sendPage(response: Response, { page }: ConsoleBundle): void {
  response
    .set({ 'Content-Security-Policy': policy, 'Cache-Control': 'no-cache' })
    .type('html')
    .send(page);
}

function sendFile(bundle: () => Promise<ConsoleBundle>): RequestHandler<{ readonly name: string }> {
  return async ({ params }, response, next) => {
    const file = (await bundle()).files.get(params.name);
    if (!file) return next();
    response
      .set({
        'Content-Type': file.type,
        'Cache-Control': `public, max-age=${yearSeconds}, immutable`,
      })
      .send(Buffer.from(file.body));
  };
}
