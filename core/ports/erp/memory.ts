import { Big } from 'big.js';
import type { AnyEntity } from '../../sdk/entity.ts';
import {
  type CheckedCondition,
  type CheckedQuery,
  checkQuery,
  compareScalars,
  cursorAfter,
  type Scalar,
  type ScalarKind,
} from './conditions.ts';
import type { Command, Connector, ErpEvent, ErpRecord, Outcome, Page } from './connector.ts';
import {
  capabilitiesOf,
  completeRow,
  entitiesByName,
  entityNamed,
  prepareWrite,
} from './writes.ts';

/**
 * An ERP in memory over rows by entity, for tests of modules: it answers and refuses as the embedded one does, and is
 * lost with the process. The rows that were handed in stay as they are.
 * @throws INPUT_INVALID for a row that its entity does not declare
 */
export function memoryConnector(
  entities: readonly AnyEntity[],
  rows: ReadonlyMap<string, readonly object[]>,
): Connector {
  const byName = entitiesByName(entities);
  const tables = new Map<string, MemoryTable>();
  for (const entity of byName.values()) {
    tables.set(entity.name, new MemoryTable(entity, rows.get(entity.name) ?? []));
  }
  for (const name of rows.keys()) entityNamed(byName, name);
  const changed: ErpEvent[] = [];
  const done = new Map<string, { readonly id: string; readonly version: string }>();
  const tableOf = (name: string): MemoryTable =>
    tables.get(entityNamed(byName, name).name) as MemoryTable;
  return {
    describe: async () => capabilitiesOf([...byName.values()], 0),
    query: async (query, options) => {
      options?.signal?.throwIfAborted();
      const table = tableOf(query.entity);
      return table.page(checkQuery(table.entity, query));
    },
    apply: async (command, options) => {
      options.signal?.throwIfAborted();
      const first = done.get(options.key);
      if (first) return { kind: 'replayed', ...first };
      const outcome = tableOf(command.entity).apply(command);
      if (outcome.kind === 'applied') {
        const { id, version } = outcome;
        done.set(options.key, { id, version });
        changed.push({ entity: command.entity, id, version });
      }
      return outcome;
    },
    changes: async (cursor, options) => {
      options.signal?.throwIfAborted();
      const from = cursor === null ? changed.length : Number(cursor);
      const events = changed.slice(from).filter((event) => options.entities.includes(event.entity));
      return { events, cursor: String(changed.length) };
    },
    close: async () => {},
  };
}

// Higher than any id that a sample company gives.
const firstNewId = 50_000_001;

/** Rows that may match, in the order of their ids, and what is left to look at. */
interface Candidates {
  readonly rows: readonly ErpRecord[];
  readonly others: readonly CheckedCondition[];
}

/** The rows of one entity, by id and in the order of their ids; an index on a field is made when a filter first needs it. */
class MemoryTable {
  readonly entity: AnyEntity;
  readonly #byId = new Map<string, ErpRecord>();
  #sorted: readonly ErpRecord[] | null = null;
  readonly #indexes = new Map<string, ReadonlyMap<string, readonly ErpRecord[]>>();
  #nextId = firstNewId;

  constructor(entity: AnyEntity, rows: readonly object[]) {
    this.entity = entity;
    for (const row of rows) {
      const record = completeRow(entity, row);
      this.#byId.set(record.id, record);
    }
  }

  page(query: CheckedQuery): Page {
    const { rows: candidates, others } = this.#candidates(query);
    const matching = candidates.filter((row) => matches(row, others));
    const [first] = query.order;
    // Candidates come in the order of their ids already.
    if (first && (first.field !== 'id' || first.descending)) {
      matching.sort((a, b) => compareRows(query, valuesOf(query, a), valuesOf(query, b)));
    }
    const { after } = query;
    const rest = after
      ? matching.filter((row) => compareRows(query, valuesOf(query, row), after) > 0)
      : matching;
    const rows = rest.slice(0, query.limit);
    const last = rows.at(-1);
    return { rows, cursor: last && rest.length > rows.length ? cursorAfter(query, last) : null };
  }

  apply(command: Command): Outcome {
    const current = command.op === 'create' ? null : (this.#byId.get(command.id) ?? null);
    const prepared = prepareWrite(this.entity, command, current);
    if (prepared.kind !== 'write') return prepared;
    const id = current?.id ?? String(this.#nextId++);
    const version = current ? String(Number(current.version) + 1) : '1';
    this.#byId.set(id, { ...current, ...prepared.fields, id, version });
    this.#sorted = null;
    this.#indexes.clear();
    return { kind: 'applied', id, version };
  }

  /** The fewest rows that one of the query's equalities leaves, or all, and the conditions that they may not meet. */
  #candidates({ conditions }: CheckedQuery): Candidates {
    let fewest: Candidates = { rows: this.#all(), others: conditions };
    for (const condition of conditions) {
      if (condition.comparison !== 'eq' && condition.comparison !== 'in') continue;
      const rows = this.#rowsWith(condition);
      if (rows.length <= fewest.rows.length)
        fewest = { rows, others: conditions.filter((each) => each !== condition) };
    }
    return fewest;
  }

  #rowsWith(condition: CheckedCondition): readonly ErpRecord[] {
    const { value, kind } = condition;
    const wanted = new Set(
      (Array.isArray(value) ? value : [value]).map((each) => keyOf(kind, each)),
    );
    const index = this.#index(condition);
    const rows = [...wanted].flatMap((key) => index.get(key) ?? []);
    return wanted.size === 1 ? rows : rows.sort(byId);
  }

  #index({ field, kind }: CheckedCondition): ReadonlyMap<string, readonly ErpRecord[]> {
    const known = this.#indexes.get(field);
    if (known) return known;
    const made = Map.groupBy(this.#all(), (row) => keyOf(kind, row[field] as Scalar | null));
    this.#indexes.set(field, made);
    return made;
  }

  #all(): readonly ErpRecord[] {
    this.#sorted ??= [...this.#byId.values()].sort(byId);
    return this.#sorted;
  }
}

function byId(a: ErpRecord, b: ErpRecord): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Equal values of a kind have equal keys: `10.50` and `10.5` are one decimal. */
function keyOf(kind: ScalarKind, value: Scalar | null): string {
  if (value === null) return 'null';
  if (kind === 'decimal') return `=${Big(value as string).toFixed()}`;
  return `=${kind === 'instant' ? Date.parse(value as string) : value}`;
}

function valuesOf(query: CheckedQuery, row: ErpRecord): readonly (Scalar | null)[] {
  return query.order.map((each) => row[each.field] as Scalar | null);
}

function compareRows(
  query: CheckedQuery,
  a: readonly (Scalar | null)[],
  b: readonly (Scalar | null)[],
): number {
  for (const [place, each] of query.order.entries()) {
    const result = compareScalars(each.kind, a[place] ?? null, b[place] ?? null);
    if (result !== 0) return each.descending ? -result : result;
  }
  return 0;
}

function matches(row: ErpRecord, conditions: readonly CheckedCondition[]): boolean {
  return conditions.every((condition) => holds(condition, row[condition.field] as Scalar | null));
}

function holds({ kind, comparison, value }: CheckedCondition, actual: Scalar | null): boolean {
  if (comparison === 'in') {
    return (value as readonly (Scalar | null)[]).some((each) => isSame(kind, actual, each));
  }
  const wanted = value as Scalar | null;
  if (comparison === 'eq') return isSame(kind, actual, wanted);
  if (comparison === 'ne') return !isSame(kind, actual, wanted);
  return actual !== null && orderings[comparison](compareScalars(kind, actual, wanted));
}

const orderings = {
  lt: (result: number) => result < 0,
  lte: (result: number) => result <= 0,
  gt: (result: number) => result > 0,
  gte: (result: number) => result >= 0,
} as const;

function isSame(kind: ScalarKind, a: Scalar | null, b: Scalar | null): boolean {
  return a === b || (a !== null && b !== null && compareScalars(kind, a, b) === 0);
}
