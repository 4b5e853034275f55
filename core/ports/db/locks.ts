/**
 * The advisory locks of Tutti, as the two integers of `pg_advisory_lock(int, int)`; the first spells 'tutt', so that other
 * programs on the same server are unlikely to use them. Such locks belong to one database. 1953854561, which spells 'tuta', and
 * a tenant's number are the end of that tenant's audit log: migrations/0010-audit.sql.
 */
export const advisoryLocks = {
  /** Held shared, in database `postgres`, by every process that uses an embedded server. */
  embeddedServer: '1953854580, 1',
  /** Held while the schema changes: migrations, partitions, tables of connectors. */
  schema: '1953854580, 2',
  /** Held while an engine takes or gives shares of limits. */
  shares: '1953854580, 3',
  /** Held while the first API key of an installation is made. */
  firstKey: '1953854580, 9',
} as const;
