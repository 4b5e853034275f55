/** Answers of the ERP that are given again within a run, of entities that change rarely. */
export interface ErpCacheConfig {
  /** false: every read asks the ERP. @default true */
  readonly enabled?: boolean;
  /** How old an answer may be, seconds, by entity; 0: each is asked for, 3600 at most. @default what the entity declares, and else 0 */
  readonly seconds?: Readonly<Record<string, number>>;
  /** Megabytes of answers that each thread keeps. @default 16 */
  readonly megabytes?: number;
}
