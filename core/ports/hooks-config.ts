/** Names of environment variables that hold secrets: several while one is replaced by the next, each of which is taken. */
export type SecretEnv = string | readonly string[];

/**
 * How posts of a source are told from those of anybody else. All but `token` prove that the body is the sender's; a token proves only
 * that whoever sends knows it.
 */
export type HookVerification =
  /** Standard Webhooks 1.0, `v1` signatures. Secrets: `whsec_…` or base64. https://www.standardwebhooks.com */
  | { readonly kind: 'standard-webhooks'; readonly secretEnv: SecretEnv }
  /** Frappe and ERPNext with "Enable Security": `X-Frappe-Webhook-Signature`, base64 HMAC-SHA256 of the body. */
  | { readonly kind: 'frappe'; readonly secretEnv: SecretEnv }
  /**
   * A shared secret in a header or in the address, for senders that sign nothing: Odoo, Azure Event Grid, Business Central.
   * Exactly one of `header` and `query`. @default query 'token'
   */
  | {
      readonly kind: 'token';
      readonly secretEnv: SecretEnv;
      readonly header?: string;
      readonly query?: string;
    }
  /** Any HMAC. */
  | {
      readonly kind: 'hmac';
      readonly secretEnv: SecretEnv;
      /** The header with the signature. */
      readonly header: string;
      /** @default 'sha256' */
      readonly algorithm?: 'sha256' | 'sha384' | 'sha512';
      /** @default 'hex' */
      readonly encoding?: 'hex' | 'base64';
      /** What stands before the signature, for example `sha256=`. @default '' */
      readonly prefix?: string;
      /** What is signed: `{body}`, `{timestamp}`, and text between them, for example `{timestamp}.{body}`. @default '{body}' */
      readonly signs?: string;
      /** The header with the time of sending, which must be within 5 minutes and must be signed. @default none */
      readonly timestamp?: { readonly header: string; readonly unit?: 's' | 'ms' };
    };

/**
 * Where an event's facts stand in what is posted, each as CEL over `body` (what was posted), `item` (one event of it) and `headers`
 * (lower case). In a CloudEvent `item` has its attributes and its `data`. An expression that gives null leaves the fact out.
 */
export interface HookMapping {
  /** The list of events in the body. @default the body, or its elements when it is a list */
  readonly events?: string;
  /** What tells the event from all others of this source. @default of a CloudEvent source and id; else a digest of the event */
  readonly id?: string;
  readonly type?: string;
  /** The sender's name for the entity, which `entities` translates. */
  readonly entity?: string;
  readonly record?: string;
  /** Only where it is the version that the connector gives the record: by it an event and what a sweep finds are known for the same. */
  readonly version?: string;
  /** RFC 3339. */
  readonly time?: string;
}

/** Who posts ERP events, to `POST /v1/hooks/<name>`. */
export interface HookSource {
  readonly verify: HookVerification;
  /** The slug of the tenant whose events they are. @default the one that the process serves */
  readonly tenant?: string;
  /** What is usual there: where the facts stand, and the handshake that the sender asks for. @default plain JSON and CloudEvents alike */
  readonly preset?: 'frappe' | 'odoo' | 'event-grid' | 'business-central';
  /** Replaces single expressions of the preset. */
  readonly mapping?: HookMapping;
  /** Canonical entities by the sender's names: `{ 'Purchase Invoice': 'bill' }`. @default its names are ours */
  readonly entities?: Readonly<Record<string, string>>;
  /** Posts from one address. @default 60000 */
  readonly requestsPerMinute?: number;
  /** Who may ask by OPTIONS whether it may send CloudEvents here: values of `WebHook-Request-Origin`. @default ['eventgrid.azure.net'] */
  readonly origins?: readonly string[];
}

/** How ERP events come in. */
export interface HooksConfig {
  /** By the name in their address: lower case letters, digits, `-` and `_`. @default none: only sweeps find changes */
  readonly sources?: Readonly<Record<string, HookSource>>;
  /** How often each entity that a hook listens to is asked for changes that no event told, milliseconds; 0: never. @default 60000 */
  readonly sweepMs?: number;
  /** How long events and firings that have ended are kept, in days; a repeated event is known for as long. @default 30 */
  readonly keepDays?: number;
}
