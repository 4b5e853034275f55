/*
 * What an installation chooses about machines beside those of its engines; see config.ts.
 */

/**
 * Machines that agents may run on. Engines listen for them; `tutti worker` is what connects there. Both sides show a certificate
 * of one authority, which is theirs alone: whoever has one may run agents.
 */
export interface MachinesConfig {
  /** The address that engines listen on. @default 127.0.0.1 */
  readonly host?: string;
  /** 0 takes any that is free. @default 4885 */
  readonly port?: number;
  /** The file with the authority's certificate (PEM), as all files here absolute or from the configuration's folder. */
  readonly ca: string;
  /** The file with this machine's own certificate: an engine's for `serverAuth`, another machine's for `clientAuth`. */
  readonly cert: string;
  /** The file with its key. */
  readonly key: string;
  /** By pool, the machines that may be of it, by the common names in their certificates. @default any with a certificate */
  readonly pools?: Readonly<Record<string, readonly string[]>>;
}

/** Where engines listen for machines unless somebody says so. */
export const usualMachinesPort = 4885;
