import type { ActionData, ActionName, EntityName, Filter, Id, ListOptions, Row } from './entity.ts';

/** What a write brings back: the record's new version. `replayed` = this key had been applied before. */
export interface Written {
  readonly id: string;
  readonly version: string;
  readonly replayed: boolean;
}

/** The typed helper of one entity, as tool handlers get it: `erp.bill.get(id)`. */
export interface Records<E extends EntityName> {
  /** @throws RECORD_UNKNOWN */
  get(id: Id<E>): Promise<Row<E>>;
  /** The one record that matches, or null. @throws INPUT_INVALID when several do */
  find(filter: Filter<Row<E>>): Promise<Row<E> | null>;
  /** All records that match. @throws INPUT_INVALID when more than `limit` do */
  list(filter?: Filter<Row<E>>, options?: ListOptions<Row<E>>): Promise<readonly Row<E>[]>;
  /**
   * A new record. `once`: what it is about, with what was there when the tool looked; of all calls that say the same, of other runs and at the same
   * moment too, one makes it, and the others are told of that one, as `replayed`. @default the call's own record, which a repeat finds again
   * @throws ERP_REJECTED
   */
  create(
    data: Omit<Row<E>, 'id' | 'version'>,
    options?: { readonly once?: readonly (string | number | null)[] },
  ): Promise<Written>;
  /** Changes fields. @throws ERP_REJECTED · ERP_CONFLICT when `expect` is no longer the record's version */
  update(
    id: Id<E>,
    data: Partial<Omit<Row<E>, 'id' | 'version'>>,
    options?: { readonly expect?: string },
  ): Promise<Written>;
  /** A business operation, for example `act(bill, 'hold', { reason })`. @throws ERP_REJECTED · ERP_CONFLICT */
  act<A extends ActionName<E>>(
    id: Id<E>,
    action: A,
    data: ActionData<E, A>,
    options?: { readonly expect?: string },
  ): Promise<Written>;
}

/** The company's records, by entity. Writes carry the effect's idempotency key without the handler's doing. */
export type Erp = { readonly [E in EntityName]: Records<E> };
