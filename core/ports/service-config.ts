/*
 * What an installation chooses about what the service tells others; see config.ts.
 */

/** Where outbound webhooks may lead. Endpoints themselves are made at run time. */
export interface WebhooksConfig {
  /** Host names, `hooks.example.com` or `*.example.com`. @default every public one */
  readonly hosts?: readonly string[];
  /** @default [443] */
  readonly ports?: readonly number[];
  /**
   * Origins in the own network that the operator vouches for, `http://ledger.example:8080`: neither https nor a public address is
   * asked of them. @default none
   */
  readonly origins?: readonly string[];
}

/** Who is told, and by which way. */
export interface Recipients {
  /** Mail addresses, by the server of `mail`; whom the operator names here needs no entry in `mail.recipients`. @default nobody */
  readonly to?: readonly string[];
  /** Channels by their names in `slack`. @default none */
  readonly slack?: readonly string[];
}

/** The report that people find in the morning. Webhook endpoints that want it are told by `report.ready`. */
export interface MorningReportConfig extends Recipients {
  /** The workflow that is the night. @default 'nightly' */
  readonly after?: string;
  /** `HH:MM`, by `timeZone`: then the report goes out whatever the state of the night. @default as soon as the night has ended */
  readonly at?: string;
  /** IANA time zone of `at`. @default 'UTC' */
  readonly timeZone?: string;
  /** What links to the pages begin with, `https://tutti.example.com`. @default no links */
  readonly link?: string;
  /** Whether the sentences of findings go along, which may name persons. @default false: kinds, records' ids and amounts */
  readonly summaries?: boolean;
  /** Whom a tenant's report goes to instead, by the tenant's name. @default every tenant's goes to the same */
  readonly tenants?: Readonly<Record<string, Recipients>>;
}

/** A threshold; each kind says what it is about. */
export type AlertRule = {
  /** Told apart by this in what is sent and stored. @default its kind */
  readonly name?: string;
} & (
  | {
      /** The newest run of a workflow has failed; over when a later one does not. */
      readonly kind: 'run_failed';
      /** @default every workflow */
      readonly workflow?: string;
    }
  | {
      /** Of the steps that ended lately too many failed. */
      readonly kind: 'failure_rate';
      /** 0 to 1. */
      readonly share: number;
      /** @default 60 */
      readonly withinMinutes?: number;
      /** Fewer ended steps than this say nothing. @default 20 */
      readonly atLeast?: number;
    }
  | {
      /** Of a day's budget so much is settled or reserved. */
      readonly kind: 'budget_used';
      /** 0 to 1. @default 0.9 */
      readonly share?: number;
      /** `tenant`, `module:finance`, `workflow:nightly`. @default every budget */
      readonly scope?: string;
    }
  /** An engine says that it is not ready. */
  | { readonly kind: 'not_ready' }
  | {
      /** Deliveries that were given up, of the last 7 days. */
      readonly kind: 'dead_letters';
      /** @default 1 */
      readonly atLeast?: number;
    }
  /** A webhook endpoint was disabled because it is gone or could not be reached. */
  | { readonly kind: 'webhook_disabled' }
  | {
      /** Questions to people that nobody has answered for long. */
      readonly kind: 'approvals_waiting';
      /** @default 24 */
      readonly hours?: number;
      /** @default 1 */
      readonly atLeast?: number;
    }
  | {
      /** The night has not ended by its deadline, or has not begun. */
      readonly kind: 'night_late';
      /** `HH:MM`, by `timeZone`. */
      readonly by: string;
      /** IANA. @default 'UTC' */
      readonly timeZone?: string;
      /** @default 'nightly' */
      readonly workflow?: string;
    }
  | {
      /** The guard refuses many calls of one agent: unusual. */
      readonly kind: 'agent_refused';
      /** @default 20 */
      readonly atLeast?: number;
      /** @default 60 */
      readonly withinMinutes?: number;
    }
  | {
      /** Attempts of an agent fail more often than its own of the days before, by more than chance: told before a limit is reached. */
      readonly kind: 'failures_rising';
      /** @default 24 */
      readonly withinHours?: number;
      /** The days before those hours that they are compared with. @default 7 */
      readonly againstDays?: number;
      /** Fewer failed attempts than this say nothing. @default 5 */
      readonly atLeast?: number;
    }
);

/** What people are told of, and who. Webhook endpoints that want it are told by `alert.raised` and `alert.over`. */
export interface TenantAlerts extends Recipients {
  /** @default none */
  readonly rules?: readonly AlertRule[];
  /** How long until what still holds is told again, minutes. @default 240 */
  readonly remindMinutes?: number;
}

/** The alerts of every tenant. */
export interface AlertsConfig extends TenantAlerts {
  /** What is otherwise for a tenant, by its name: rules, reminder and recipients replace those that stand for all. @default nothing */
  readonly tenants?: Readonly<Record<string, TenantAlerts>>;
}
