/** What a connector can do for one entity; a workflow asks and falls back, it does not assume. */
export interface EntityCapabilities {
  readonly fields: readonly string[];
  /** Fields that a filter may name; others are refused, never ignored. */
  readonly filterable: readonly string[];
  readonly writable: readonly string[];
  readonly actions: readonly string[];
  /** The field that carries our idempotency key in a create, or null: then a lost create needs a person. */
  readonly ownKey: string | null;
}

export interface Capabilities {
  readonly entities: Readonly<Record<string, EntityCapabilities>>;
  readonly changes: 'push+poll' | 'poll';
  /** The longest that one call may still be running after we gave it up, milliseconds: look-ups wait it out. */
  readonly maxCallMs: number;
  /**
   * What a command does whose key has been sent before. `safe`: it always meets its first outcome, because the ERP keeps the
   * key with what it wrote, or because the connector itself looks for it first. `unsafe`: it may be carried out twice, so that
   * a command whose end nobody knows is looked for, or left to a person.
   */
  readonly repeats: 'safe' | 'unsafe';
}

/** A filter on the wire: field → conditions, all of which must hold. */
export type WireFilter = Readonly<Record<string, Readonly<Partial<Record<Comparison, unknown>>>>>;
export type Comparison = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'in';

export interface Query {
  readonly entity: string;
  readonly filter?: WireFilter;
  readonly order?: readonly { readonly field: string; readonly descending?: boolean }[];
  /** Rows a page. */
  readonly limit: number;
  /** Where the last page ended. */
  readonly cursor?: string;
}

/** A record as the connector delivers it: canonical field values; free text as `Text`. */
export type ErpRecord = { readonly id: string; readonly version: string } & Readonly<
  Record<string, unknown>
>;

export interface Page {
  readonly rows: readonly ErpRecord[];
  /** Null on the last page. */
  readonly cursor: string | null;
}

/** One write. `expect` is the version that the writer has seen. */
export type Command = { readonly entity: string; readonly expect?: string } & (
  | { readonly op: 'create'; readonly data: Readonly<Record<string, unknown>> }
  | { readonly op: 'update'; readonly id: string; readonly data: Readonly<Record<string, unknown>> }
  | {
      readonly op: 'act';
      readonly id: string;
      readonly action: string;
      readonly data: Readonly<Record<string, unknown>>;
    }
);

/** What became of a write. `confirm`: the ERP wants a person. `uncertain`: look before sending again. */
export type Outcome =
  | { readonly kind: 'applied' | 'replayed'; readonly id: string; readonly version: string }
  | {
      readonly kind: 'rejected';
      readonly reason: 'invalid' | 'denied' | 'state';
      readonly message: string;
    }
  | { readonly kind: 'conflict'; readonly current: string | null }
  | { readonly kind: 'confirm'; readonly token: string; readonly message: string }
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'uncertain'; readonly message: string };

/** A hint that a record changed; the reader re-reads it. */
export interface ErpEvent {
  readonly entity: string;
  readonly id: string;
  readonly version: string;
}

/**
 * One ERP, seen through canonical entities and named actions. Four methods; every implementation passes the same
 * conformance suite (tests/ports/erp/connector-conformance.ts).
 */
export interface Connector {
  /** What this ERP, and this service user in it, can do. */
  describe(): Promise<Capabilities>;
  /** One page of records, in a stable order. @throws ERP_UNSUPPORTED for a field that cannot be filtered */
  query(query: Query, options?: { readonly signal?: AbortSignal }): Promise<Page>;
  /**
   * One write under an idempotency key. Where `repeats` is `safe`, the same key again answers `replayed` with the first outcome;
   * a refused command leaves its key free.
   */
  apply(
    command: Command,
    options: { readonly key: string; readonly signal?: AbortSignal },
  ): Promise<Outcome>;
  /** What changed since a cursor, overlapping rather than missing. Null: no events, and the cursor of this moment. */
  changes(
    cursor: string | null,
    options: { readonly entities: readonly string[]; readonly signal?: AbortSignal },
  ): Promise<{ readonly events: readonly ErpEvent[]; readonly cursor: string }>;
  /** Releases connections. */
  close(): Promise<void>;
}
