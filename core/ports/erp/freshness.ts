const { add, load } = Atomics;

/** Two entities on one place only cost each other answers. */
const places = 1_024;
/** The place of everything. */
const all = 0;

/**
 * What has been written to which entity, in memory that all threads of a process share: two counters for each place, of writes that have
 * begun and of those that have ended. An answer of the ERP is as good as when it was given while its mark stays the same. A write
 * that never ends (its thread died) leaves its entity without a mark, so that nothing of it is taken for known.
 */
export class Freshness {
  readonly shared: SharedArrayBuffer;
  readonly #begun: Int32Array;
  readonly #ended: Int32Array;

  constructor(shared = new SharedArrayBuffer(2 * places * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#begun = new Int32Array(shared, 0, places);
    this.#ended = new Int32Array(shared, places * Int32Array.BYTES_PER_ELEMENT);
  }

  /** By what an answer is known that is asked for now; null while somebody writes there. */
  mark(tenantId: number, entity: string): number | null {
    let mark = 0;
    for (const place of [all, placeOf(tenantId), placeOf(tenantId, entity)]) {
      const ended = load(this.#ended, place);
      if (load(this.#begun, place) !== ended) return null;
      mark = (mark + ended) | 0;
    }
    return mark;
  }

  /** Tells that a write begins, and by the returned function that it has ended. Null: it may be of any tenant, of any entity. */
  writing(tenantId: number | null, entity: string | null): () => void {
    const place = tenantId === null ? all : placeOf(tenantId, entity);
    add(this.#begun, place, 1);
    return () => {
      add(this.#ended, place, 1);
    };
  }

  /** Tells that records have changed. */
  changed(tenantId: number, entity: string): void {
    this.writing(tenantId, entity)();
  }
}

/** FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv */
function placeOf(tenantId: number, entity: string | null = null): number {
  const name = entity === null ? String(tenantId) : `${tenantId} ${entity}`;
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  return 1 + ((hash >>> 0) % (places - 1));
}
