import { isIP } from 'node:net';
import { EngineError } from '../../base/errors.ts';
import { isPublicAddress } from './address.ts';
import type { FetchConfig } from './config.ts';

/** What may be reached, by the configuration. */
export interface Egress {
  /** The address that may be asked, normalised. @throws EGRESS_REFUSED with what to add to the configuration */
  check(url: string): URL;
  /** Of all that a name leads to, what may be connected to: everything, or nothing. @throws EGRESS_REFUSED */
  checkAddresses(origin: string, addresses: readonly string[]): readonly string[];
  /** Whether an origin lies in the own network, by the configuration. */
  isOwn(origin: string): boolean;
}

/** Reads what the configuration allows. @throws CONFIG_INVALID */
export function openEgress(config: FetchConfig): Egress {
  const setting = config.setting ?? 'http';
  const hosts = (config.hosts ?? []).map((pattern) => hostRule(pattern, setting));
  const ports = config.ports ?? [443];
  const own = new Set((config.origins ?? []).map((origin) => originOf(origin, setting)));
  const check = (given: string): URL => {
    const url = parse(given);
    if (own.has(url.origin)) return url;
    if (url.protocol !== 'https:') {
      throw refused(
        `'${url.protocol}//${url.hostname}' is not https, and nothing else is allowed.`,
      );
    }
    const port = Number(url.port || 443);
    if (!ports.includes(port)) {
      throw refused(
        `Port ${port} of '${url.hostname}' is not allowed; add it to '${setting}.ports' if it is meant.`,
      );
    }
    refuseInside(url.hostname);
    if (!hosts.some((allows) => allows(url.hostname))) {
      throw refused(
        `Host '${url.hostname}' is not allowed; add it to '${setting}.hosts' if it is meant.`,
      );
    }
    return url;
  };
  return {
    check,
    checkAddresses(origin, addresses) {
      const inside = addresses.find((address) => !isPublicAddress(address));
      if (inside === undefined || own.has(origin)) return addresses;
      throw refused(
        `'${origin}' leads to ${inside}, which is no public address; what lies inside is out of reach.`,
      );
    },
    isOwn: (origin) => own.has(origin),
  };
}

/** An address without user, password and fragment, its name without the root's dot. */
function parse(given: string): URL {
  if (!URL.canParse(given)) {
    throw refused('The address is no URL; give one like https://api.example.com/path.');
  }
  const url = new URL(given);
  if (url.username !== '' || url.password !== '') {
    throw refused(
      `The address for '${url.hostname}' holds a user or a password; leave them out: secrets come from the configuration.`,
    );
  }
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  url.hash = '';
  return url;
}

// Names that no public server has: RFC 6761, RFC 6762, RFC 8375, RFC 7686, and `internal` by ICANN's resolution of 29 July 2024.
const insideNames = ['localhost', 'local', 'home.arpa', 'onion', 'internal'];

/** Refuses, before anything is looked up, what is no public name or address. */
function refuseInside(hostname: string): void {
  const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (isIP(literal) !== 0) {
    if (isPublicAddress(literal)) return;
    throw refused(`${literal} is no public address; what lies inside is out of reach.`);
  }
  const labels = hostname.split('.');
  const isInside = insideNames.some((name) => `.${hostname}`.endsWith(`.${name}`));
  // One label is looked up in the domains of this machine's own network.
  if (labels.length > 1 && !labels.includes('') && !isInside) return;
  throw refused(`Host '${hostname}' is no public name; what lies inside is out of reach.`);
}

function hostRule(pattern: string, setting: string): (hostname: string) => boolean {
  if (pattern === '*') return () => true;
  const isDomain = pattern.startsWith('*.');
  const name = isDomain ? pattern.slice(2) : pattern;
  const url = URL.canParse(`https://${name}`) ? new URL(`https://${name}`) : null;
  if (!url || url.href !== `https://${url.hostname}/` || name.includes('*') || name.includes('/')) {
    throw new EngineError(
      'CONFIG_INVALID',
      `'${setting}.hosts' has '${pattern}', which is no host; write 'api.example.com', '*.example.com' or '*'.`,
    );
  }
  const host = url.hostname.replace(/\.$/, '');
  return isDomain ? (hostname) => hostname.endsWith(`.${host}`) : (hostname) => hostname === host;
}

function originOf(given: string, setting: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url.origin;
  throw new EngineError(
    'CONFIG_INVALID',
    `'${setting}.origins' has '${given}', which is no origin; write 'http://ledger.example:8080'.`,
  );
}

function refused(message: string): EngineError {
  return new EngineError('EGRESS_REFUSED', message);
}
