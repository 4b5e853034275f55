import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import type { ApiIssuer } from '../../../core/ports/api/config.ts';

const audience = 'https://tutti.example.com/v1';
export const issuer = 'https://issuer.example.com/';

/** What a token says other than usual; null takes a claim or a header away. */
export interface TokenChange {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly typ?: string;
  readonly expires?: string;
  readonly issuedAt?: number;
  readonly foreign?: boolean;
}

/** An issuer of tokens with an RSA key, on an address of its own. */
export async function openIssuer() {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const foreign = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const of = (change: TokenChange, header: { readonly alg: string }) => {
    const { claims = {}, typ = 'at+jwt', expires = '5m', issuedAt } = change;
    return new SignJWT({ iss: issuer, aud: audience, sub: 'anna', roles: ['operator'], ...claims })
      .setProtectedHeader({ ...header, kid: 'one', typ })
      .setIssuedAt(issuedAt)
      .setExpirationTime(expires);
  };
  return {
    sign: (change: TokenChange = {}) =>
      of(change, { alg: 'RS256' }).sign(change.foreign ? foreign.privateKey : privateKey),
    /** With the public key as if it were a shared secret (RFC 8725, section 2.1). */
    confused: async (change: TokenChange = {}) =>
      of(change, { alg: 'HS256' }).sign(Buffer.from(await exportSPKI(publicKey))),
    unsigned: (token: string) =>
      `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${token.split('.')[1]}.`,
    config: {
      ...{ issuer, audience, algorithms: ['RS256'] },
      jwksUrl: `http://127.0.0.1:${port}/keys`,
    } satisfies ApiIssuer,
    close: () => server.close(),
  };
}
