/*
 * What an installation chooses about itself; see config.ts.
 */

/** Where an installation stands. */
export const profileNames = ['development', 'staging', 'production'] as const;

/** One of them; chosen by `--profile` or TUTTI_PROFILE. */
export type ProfileName = (typeof profileNames)[number];

/** How the log of a process that serves is written. */
export interface LogConfig {
  /** @default json; plain lines on a screen, but not in production */
  readonly form?: 'json' | 'pretty' | 'off';
  /** @default 'warn' */
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
}

/** Parts of the service that can be switched off whole. @default all of them are there */
export interface Features {
  /** Provider batches, whatever `batches` says. */
  readonly batches?: boolean;
  /** Tutti's own MCP server, at `/mcp`. */
  readonly mcpServer?: boolean;
  /** The web console, at `/console/`. */
  readonly console?: boolean;
  /** ERP events: their routes, firings and sweeps. */
  readonly hooks?: boolean;
  /** Routes and firings; nothing starts by itself. */
  readonly schedules?: boolean;
  /** Outbound webhooks: routes and deliveries. */
  readonly webhooks?: boolean;
  /** Whatever `alerts` says. */
  readonly alerts?: boolean;
}

/** Members of a configuration that say how it is run. */
export interface DeploymentConfig<Config> {
  readonly log?: LogConfig;
  readonly features?: Features;
  /**
   * What is different in a profile. A member that is an object is merged with that of the file by its members, whose values are replaced
   * whole; every other member is replaced.
   */
  readonly profiles?: Readonly<Partial<Record<ProfileName, Partial<Omit<Config, 'profiles'>>>>>;
}
