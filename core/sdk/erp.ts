import type { ActionData, ActionName, EntityName, Filter, Id, ListOptions, Row } from './entity.ts';

/** What a write brings back: the record's new version. `replayed` = this key had been applied before. */
export interface Written {
  readonly id: string;
  readonly version: string;
  readonly replayed: boolean;
}

/** A field that can say what a record is about: one that a filter may name. */
type SubjectField<R> = Exclude<keyof Filter<R> & keyof R, 'id' | 'version'>;

/** A record that is there, or what a new one holds beside what it is about. */
type Chosen<R, F extends keyof R> = R | Omit<R, 'id' | 'version' | F>;

/** The typed helper of one entity, as tool handlers get it: `erp.bill.get(id)`. */
export interface Records<E extends EntityName> {
  /** @throws RECORD_UNKNOWN */
  get(id: Id<E>): Promise<Row<E>>;
  /** The one record that matches, or null. @throws INPUT_INVALID when several do */
  find(filter: Filter<Row<E>>): Promise<Row<E> | null>;
  /** All records that match. @throws INPUT_INVALID when more than `limit` do */
  list(filter?: Filter<Row<E>>, options?: ListOptions<Row<E>>): Promise<readonly Row<E>[]>;
  /** A new record, which a repeat of the call finds again. @throws ERP_REJECTED */
  create(data: Omit<Row<E>, 'id' | 'version'>): Promise<Written>;
  /**
   * The record that stands about a subject, or a new one; of all calls about the same, of other runs and at the same moment too, one makes
   * it. `about` are fields that stay as they are made; `choose` gets every record that ever was about it, thrown away ones included, and
   * says which of them stands, or else the other fields of a new one. It is asked again when another call was faster, and refuses by what
   * it throws. Where the connector's repeats are `unsafe`, two at the same moment may make two.
   * @throws ERP_REJECTED · INPUT_INVALID when more than 10,000 records are about it
   */
  findOrCreate<F extends SubjectField<Row<E>>>(
    about: Pick<Row<E>, F>,
    choose: (records: readonly Row<E>[]) => Chosen<Row<E>, F> | Promise<Chosen<Row<E>, F>>,
  ): Promise<Row<E>>;
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
