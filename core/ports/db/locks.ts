/**
 * The advisory locks of Tutti, as the two integers of `pg_advisory_lock(int, int)`; the first spells 'tutt', so that other
 * programs on the same server are unlikely to use them. Such locks belong to one database. 1953854561, which spells 'tuta', and
 * a tenant's number are the end of that tenant's audit log: migrations/0010-audit.sql. 1953854563, which spells 'tutc', and the hash of a
 * name are what a caller of the API changes.
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

/** The first integer of the locks of what callers of the API change; the second is the hash of its name. */
export const changeLocks = '1953854563';
