import type { TokenIssuer } from '../mcp/config.ts';

/** Who may call the API, from where, and how often. */
export interface ApiConfig {
  /** The address that it listens on; one beyond this machine asks for `keysOnly`. @default 127.0.0.1 */
  readonly host?: string;
  /** 0 takes any that is free. @default 4884 */
  readonly port?: number;
  /** Whether programs of this machine need a key or a token like everybody else. @default false: without one they are its owner */
  readonly keysOnly?: boolean;
  /** How many proxies in front are believed when they say who calls (`X-Forwarded-For`); only rates go by it. @default 0 */
  readonly proxies?: number;
  /** Origins of pages that may call it with a key: `https://desk.example.com`. @default none */
  readonly cors?: readonly string[];
  /** Whose tokens count. @default nobody's: keys alone */
  readonly issuers?: readonly ApiIssuer[];
  /**
   * How often callers may ask, by the name of the rate: one that a key names, else one that is called as a role of the caller, else
   * `usual`. @default usual: 600 a minute
   */
  readonly rates?: Readonly<Record<string, ApiRate>>;
  /** How long people in browsers stay signed in. @default half an hour that nobody uses, 12 hours in all */
  readonly sessions?: ApiSessions;
}

/** When a session ends by itself; never later than the key or the token that it was begun with. */
export interface ApiSessions {
  /** How long nobody may use it, minutes; it is counted to the minute. @default 30 */
  readonly idleMinutes?: number;
  /** How long it may last however much it is used, hours. @default 12 */
  readonly hours?: number;
}

/** Points a caller may use; a request costs one, and one that starts work costs more. */
export interface ApiRate {
  readonly perMinute: number;
  /** @default no limit */
  readonly perDay?: number;
}

/** An authorization server whose tokens are people and programs of the API. */
export interface ApiIssuer extends TokenIssuer {
  /** What its tokens must name in `aud`: this API. */
  readonly audience: string;
  /** The `typ` of its tokens. @default at+jwt (RFC 9068); many issuers write JWT */
  readonly typ?: string;
  /** Claims that must be there, beside `exp`, `iat` and `sub`; with `jti` every token can be refused before it expires. @default none */
  readonly requiredClaims?: readonly string[];
  /** How old a token may be, whatever it says itself, seconds. @default 86400 */
  readonly maxTokenAgeSeconds?: number;
  /** The claim that lists roles; `realm_access.roles` reads within. @default roles */
  readonly rolesClaim?: string;
  /**
   * Roles by what the issuer calls them. @default by the names of Tutti; `owner`, who may do everything in every tenant, only counts when it
   * stands here
   */
  readonly roles?: Readonly<Record<string, string>>;
  /** The claim that names the tenant. @default none: all its tokens are for `tenant` */
  readonly tenantClaim?: string;
  /** The tenant of all its tokens. @default the one that the process serves */
  readonly tenant?: string;
  /** The claim that says which person it is. @default sub */
  readonly personClaim?: string;
  /** The claims that list the modules and the companies that it may touch. @default all of them */
  readonly modulesClaim?: string;
  readonly companiesClaim?: string;
}
