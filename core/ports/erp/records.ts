import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { AnyEntity } from '../../sdk/entity.ts';
import type { Erp, Written } from '../../sdk/erp.ts';
import { checkQuery } from './conditions.ts';
import type { Command, Connector, ErpRecord, Outcome, Query, WireFilter } from './connector.ts';
import { entityNamed } from './writes.ts';

/** On whose behalf records are read and written. */
export interface ErpOptions {
  readonly entities: ReadonlyMap<string, AnyEntity>;
  /** The idempotency key of the tool call; empty for one that may only read. */
  readonly key: () => string;
  /** Whose records they are: tenants may share an ERP. @default 0, of a test */
  readonly tenantId?: number;
  /** What the writes of one call are told apart by; journal version 1 went by their order. @default 'command' */
  readonly naming?: 'command' | 'place';
  readonly signal?: AbortSignal;
  /** Hears how many rows each read brought. */
  readonly onRead: (rows: number) => void;
}

/**
 * The typed helpers of a tool call over a connector. Every name is checked before anything is sent. The writes of one call get
 * keys from what they do, to which record and for the how many-th time, not from their place: a handler that is repeated and
 * leaves out what it finds done still meets its own writes.
 */
export function erpFor(connector: Connector, options: ErpOptions): Erp {
  const call = new RecordsCall(connector, options);
  const helpers = new Map<string, UntypedRecords>();
  return new Proxy({} as Erp, {
    get: (_, name) => {
      // A promise machinery's question, or a printer's, names no entity.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      const known = helpers.get(name);
      if (known) return known;
      const made = recordsOf(call, entityNamed(options.entities, name));
      helpers.set(name, made);
      return made;
    },
  });
}

/** Rows that a list reads when its caller sets no limit; more is an error, never a silent cut. */
const defaultListRows = 10_000;
// One page holds what nearly every list needs, so it costs one round trip.
const pageRows = 2_000;

type Data = Readonly<Record<string, unknown>>;
type Order = NonNullable<Query['order']>;

type Choose = (records: readonly ErpRecord[]) => ErpRecord | Data | Promise<ErpRecord | Data>;

interface UntypedRecords {
  get(id: string): Promise<ErpRecord>;
  find(filter: Data): Promise<ErpRecord | null>;
  list(
    filter?: Data,
    options?: { readonly order?: Order; readonly limit?: number },
  ): Promise<readonly ErpRecord[]>;
  create(data: Data): Promise<Written>;
  findOrCreate(about: Data, choose: Choose): Promise<ErpRecord>;
  update(id: string, data: Data, options?: { readonly expect?: string }): Promise<Written>;
  act(
    id: string,
    action: string,
    ...rest: readonly [data: Data, options?: { readonly expect?: string }]
  ): Promise<Written>;
}

function recordsOf(call: RecordsCall, entity: AnyEntity): UntypedRecords {
  const { name } = entity;
  return {
    get: async (id) => {
      const [row] = await call.read(entity, { filter: { id: { eq: id } }, limit: 1 });
      if (row) return row;
      throw new EngineError('RECORD_UNKNOWN', `There is no '${name}' with the id ${id}.`);
    },
    find: async (filter) => {
      const rows = await call.read(entity, { filter: wireFilter(entity, filter), limit: 1 });
      return rows[0] ?? null;
    },
    list: async (filter = {}, options = {}) =>
      await call.read(entity, {
        filter: wireFilter(entity, filter),
        limit: options.limit ?? defaultListRows,
        ...(options.order && { order: options.order }),
      }),
    create: (data) => call.write({ entity: name, op: 'create', data }),
    findOrCreate: (about, choose) => findOrCreate(call, entity, { about, choose }),
    update: (id, data, options) => call.write({ entity: name, op: 'update', id, data, ...options }),
    act: (id, action, ...[data, options]) =>
      call.write({ entity: name, op: 'act', id, action, data, ...options }),
  };
}

/**
 * Records about a subject only become more, so whoever has seen the same of them makes the next one under the same key, and the first to
 * come makes it: each was made by a call that had seen all before it.
 */
async function findOrCreate(
  call: RecordsCall,
  entity: AnyEntity,
  { about, choose }: { readonly about: Data; readonly choose: Choose },
): Promise<ErpRecord> {
  const filter = wireFilter(entity, about);
  const known = new Set<string>();
  for (;;) {
    const records = await call.read(entity, { filter, limit: defaultListRows });
    const chosen = await choose(records);
    if ('id' in chosen) return chosen as ErpRecord;
    for (const { id } of records) known.add(id);
    const data = { ...chosen, ...about };
    const command = { entity: entity.name, op: 'create', data } as const;
    const { id, version, replayed } = await call.write(command, [about, [...known].toSorted()]);
    if (!replayed) return { id, version, ...data };
    // Another call has made it since this one looked. Where it cannot be seen any more, it stands in nobody's way.
    known.add(id);
  }
}

class RecordsCall {
  readonly #connector: Connector;
  readonly #options: ErpOptions;
  readonly #writes = new Map<string, number>();
  #place = 0;

  constructor(connector: Connector, options: ErpOptions) {
    this.#connector = connector;
    this.#options = options;
  }

  /** All rows that match, over as many pages as it takes. @throws INPUT_INVALID when they are more than `limit` */
  async read(entity: AnyEntity, query: Omit<Query, 'entity'>): Promise<readonly ErpRecord[]> {
    const { limit } = query;
    const rows: ErpRecord[] = [];
    let cursor: string | null = null;
    do {
      const page: Query = {
        ...query,
        entity: entity.name,
        // One more than wanted tells that there are more.
        limit: Math.min(limit + 1 - rows.length, pageRows),
        ...(cursor !== null && { cursor }),
      };
      checkQuery(entity, page);
      const found = await this.#connector.query(page, this.#signal());
      this.#options.onRead(found.rows.length);
      rows.push(...found.rows);
      cursor = found.cursor;
    } while (cursor !== null && rows.length <= limit);
    if (rows.length <= limit) return rows;
    throw new EngineError(
      'INPUT_INVALID',
      `More than ${limit} rows of '${entity.name}' match; narrow the filter or raise the limit.`,
    );
  }

  async write(command: Command, once?: readonly unknown[]): Promise<Written> {
    const key = this.#options.key();
    if (key === '') {
      throw new EngineError(
        'TOOL_REFUSED',
        `A tool that only reads tried to write '${command.entity}'; declare its effect.`,
      );
    }
    const outcome = await this.#connector.apply(command, {
      key: once ? this.#keyOnce(command, once) : `${key}:${this.#nameOf(command)}`,
      ...this.#signal(),
    });
    return settled(command, outcome);
  }

  #keyOnce({ entity }: Command, once: readonly unknown[]): string {
    const { tenantId = 0 } = this.#options;
    return `${digest('once', tenantId, entity, once).toString('hex')}:${entity}.create`;
  }

  #nameOf(command: Command): string {
    if (this.#options.naming === 'place') return String(this.#place++);
    const what = command.op === 'act' ? command.action : command.op;
    const name = `${command.entity}.${what}:${command.op === 'create' ? '' : command.id}`;
    const nth = this.#writes.get(name) ?? 0;
    this.#writes.set(name, nth + 1);
    return `${name}:${nth}`;
  }

  #signal(): { readonly signal?: AbortSignal } {
    return this.#options.signal ? { signal: this.#options.signal } : {};
  }
}

/** A bare value, null included, means equality. @throws INPUT_INVALID for an undefined one: it would match everything */
export function wireFilter(entity: AnyEntity, filter: Data): WireFilter {
  const wire: Record<string, Data> = {};
  for (const [field, condition] of Object.entries(filter)) {
    if (condition === undefined) {
      throw new EngineError(
        'INPUT_INVALID',
        `The filter on '${entity.name}.${field}' is undefined; leave it out or compare with null.`,
      );
    }
    const isBare = typeof condition !== 'object' || condition === null;
    wire[field] = isBare ? { eq: condition } : (condition as Data);
  }
  return wire;
}

/** What a write brought, or the error that tells why not. */
function settled(command: Command, outcome: Outcome): Written {
  switch (outcome.kind) {
    case 'applied':
    case 'replayed': {
      const { id, version } = outcome;
      return { id, version, replayed: outcome.kind === 'replayed' };
    }
    case 'rejected':
      throw failure('ERP_REJECTED', command, {
        said: outcome.message,
        details: { reason: outcome.reason },
      });
    case 'confirm':
      throw failure('ERP_REJECTED', command, {
        said: `The ERP asks for a person's consent: ${outcome.message}`,
        details: { reason: 'confirm', token: outcome.token },
      });
    case 'conflict':
      throw failure('ERP_CONFLICT', command, {
        said: `The record is at version ${outcome.current ?? 'none'}, not at ${command.expect}; read it again.`,
        details: { current: outcome.current },
      });
    case 'retry':
      throw failure('TOOL_FAILED', command, {
        said: `The ERP is busy; it may be asked again in ${outcome.afterMs} ms.`,
        details: { retryAfterMs: outcome.afterMs },
      });
    case 'uncertain':
      throw failure('ERP_UNCERTAIN', command, { said: outcome.message, details: {} });
  }
}

function failure(
  code: 'ERP_REJECTED' | 'ERP_CONFLICT' | 'ERP_UNCERTAIN' | 'TOOL_FAILED',
  command: Command,
  reason: { readonly said: string; readonly details: Data },
): EngineError {
  const what = command.op === 'act' ? command.action : command.op;
  const id = command.op === 'create' ? '' : ` ${command.id}`;
  return new EngineError(code, `'${what}' of ${command.entity}${id}: ${reason.said}`, {
    details: reason.details,
  });
}
