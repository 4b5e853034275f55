import type { Database } from '../../core/ports/db/database.ts';
import { quoted, tableOf } from '../../core/ports/erp/embedded/table.ts';
import type { AnyEntity, Field } from '../../core/sdk/entity.ts';
import type { Payload } from './payloads.ts';

/** Records whose text is read together. */
export interface Batch {
  readonly key: string;
  readonly entity: string;
  readonly ids: readonly string[];
}

/** A field of free text, at the top of a record or in its lines. */
interface Slot {
  readonly entity: AnyEntity;
  readonly field: string;
  /** The text within the first line; null: the field itself. */
  readonly inner: string | null;
}

const payloadsTogether = 6;

/** Writes payloads into every field of free text that the entities have, in turn; returns what is to be read to meet them all. */
export async function plant(
  database: Database,
  {
    tenantId,
    entities,
    payloads,
  }: {
    readonly tenantId: number;
    readonly entities: Iterable<AnyEntity>;
    readonly payloads: readonly Pick<Payload, 'texts'>[];
  },
): Promise<{ readonly batches: readonly Batch[]; readonly fields: readonly string[] }> {
  return await database.admin(async (client) => {
    const slots = [...entities].flatMap(slotsOf);
    const free = new Map<string, string[]>();
    for (const { entity } of slots) {
      const text = `SELECT id FROM ${tableOf(entity).name} WHERE tenant_id = $1 ORDER BY id LIMIT 200`;
      const { rows } = await client.query<{ id: string }>(text, [tenantId]);
      free.set(
        entity.name,
        rows.map(({ id }) => id),
      );
    }
    const planted = new Map<Slot, string[][]>();
    for (const [index, { texts }] of payloads.entries()) {
      const slot = slotWith(slots, { from: index, records: texts.length, free });
      const ids = (free.get(slot.entity.name) as string[]).splice(0, texts.length);
      for (const [at, text] of texts.entries())
        await client.query(updateOf(slot), [tenantId, ids[at], text]);
      planted.set(slot, [...(planted.get(slot) ?? []), ids]);
    }
    return { batches: [...planted].flatMap(batchesOf), fields: [...planted.keys()].map(nameOf) };
  });
}

function slotsOf(entity: AnyEntity): readonly Slot[] {
  return Object.entries(entity.fields as Readonly<Record<string, Field>>).flatMap(
    ([name, of]): Slot[] => {
      if (of.kind === 'text') return [{ entity, field: name, inner: null }];
      if (of.kind !== 'lines') return [];
      const inner = Object.entries(of.fields).filter(([, each]) => each.kind === 'text');
      return inner.map(([within]) => ({ entity, field: name, inner: within }));
    },
  );
}

function slotWith(
  slots: readonly Slot[],
  {
    from,
    records,
    free,
  }: {
    readonly from: number;
    readonly records: number;
    readonly free: ReadonlyMap<string, readonly string[]>;
  },
): Slot {
  const inTurn = slots.map((_, index) => slots[(from + index) % slots.length] as Slot);
  const found = inTurn.find(({ entity }) => (free.get(entity.name)?.length ?? 0) >= records);
  if (!found) throw new Error('the company has fewer records than there are payloads');
  return found;
}

/** $1 tenant, $2 record, $3 text. */
function updateOf({ entity, field, inner }: Slot): string {
  const table = tableOf(entity);
  const column = quoted(table.fields.find(({ name }) => name === field)?.columns[0]?.name ?? '');
  const value =
    inner === null ? '$3::text' : `jsonb_build_array(jsonb_build_object('${inner}', $3::text))`;
  return `UPDATE ${table.name} SET ${column} = ${value} WHERE tenant_id = $1 AND id = $2`;
}

function nameOf({ entity, field, inner }: Slot): string {
  return [entity.name, field, inner].filter((part) => part !== null).join('.');
}

function batchesOf([slot, planted]: readonly [Slot, readonly string[][]]): readonly Batch[] {
  const count = Math.ceil(planted.length / payloadsTogether);
  return Array.from({ length: count }, (_, index) => ({
    key: `${nameOf(slot)}-${index}`,
    entity: slot.entity.name,
    ids: planted.slice(index * payloadsTogether, (index + 1) * payloadsTogether).flat(),
  }));
}
