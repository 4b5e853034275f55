import type { ColumnType } from 'kysely';

/** A jsonb column: read as the parsed value, written as JSON text, for `pg` would turn an array into a PostgreSQL array. */
export type Json = ColumnType<unknown, string, string>;
/** The same with NULL. */
export type NullableJson = ColumnType<unknown, string | null | undefined, string | null>;
/** The same with a default. */
export type DefaultedJson = ColumnType<unknown, string | undefined, string>;

/** A timestamptz column: read as a Date, written as a Date or as RFC 3339 text. */
export type Time = ColumnType<Date, Date | string, Date | string>;
/** The same with NULL. */
export type NullableTime = ColumnType<
  Date | null,
  Date | string | null | undefined,
  Date | string | null
>;
/** The same with a default. */
export type DefaultedTime = ColumnType<Date, Date | string | undefined, Date | string>;
