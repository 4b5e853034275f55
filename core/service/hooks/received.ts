/** An ERP event as a source has told it. */
export interface ReceivedEvent {
  /** What tells it from all others of its source. */
  readonly key: string;
  readonly type: string | null;
  /** The canonical entity; null: it is about none that hooks could listen to. */
  readonly entity: string | null;
  readonly recordId: string | null;
  readonly version: string | null;
  /** RFC 3339. */
  readonly time: string | null;
  readonly data: unknown;
}
