import type { Request, RequestHandler } from 'express';
import { EngineError } from '../../base/errors.ts';
import { loopbackHosts } from '../../base/loopback.ts';

/**
 * Lets only programs of this machine in, as long as callers without a key are its owner. A web page can make a browser call 127.0.0.1
 * (cross-site request forgery), or point a name of its own at it and read the answers (DNS rebinding); its `Origin` and its
 * `Host` give it away. Whoever has a key is known by that, and no browser sends one by itself.
 * @throws ORIGIN_REFUSED
 */
export function refuseStrangers({ keysOnly }: { readonly keysOnly: boolean }): RequestHandler {
  return (request, _response, next) => {
    if (!keysOnly && request.headers.authorization === undefined) refuseStranger(request);
    next();
  };
}

/** The same for one request; `known` is the public address that a proxy in front of it has. @throws ORIGIN_REFUSED */
export function refuseStranger({ headers, socket }: Request, known?: URL): void {
  const names = loopbackHosts.flatMap((host) => namesOf(host, socket.localPort ?? 0));
  const { host, origin } = headers;
  if (![...names, known?.host].includes((host ?? '').toLowerCase())) {
    throw new EngineError(
      'ORIGIN_REFUSED',
      `This address answers only to localhost and 127.0.0.1 with its port, not to the name '${shown(host)}'.`,
    );
  }
  const origins = [...names.map((name) => `http://${name}`), known?.origin];
  if (origin !== undefined && !origins.includes(origin.toLowerCase())) {
    throw new EngineError(
      'ORIGIN_REFUSED',
      `Pages of '${shown(origin)}' may not call this address; only its own may.`,
    );
  }
}

/** Clients leave the default port out (RFC 9110, section 4.2.3). */
function namesOf(host: string, port: number): readonly string[] {
  return port === 80 ? [host, `${host}:80`] : [`${host}:${port}`];
}

function shown(header: string | undefined): string {
  return (header ?? '').slice(0, 100);
}
