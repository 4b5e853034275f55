import type { WrittenRecord } from '../../guard/written.ts';
import type { Capabilities } from '../../ports/erp/connector.ts';
import type { PlannedReversal } from '../../sdk/reversal.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import type { AppliedEffect } from './applied-effects.ts';

/** What one step of an undo run takes back: one effect, or several that meet in a record, the last one first. */
export interface UndoItem {
  /** Key of its first effect. */
  readonly id: string;
  readonly effects: readonly PlannedReversal[];
}

/** What bears on how effects can be taken back. */
export interface UndoBasis {
  readonly tools: ReadonlyMap<string, AnyTool>;
  readonly capabilities: Capabilities;
}

/** How effects are taken back, given in the order in which they were applied. Pure. */
export function planUndo(effects: readonly AppliedEffect[], basis: UndoBasis): readonly UndoItem[] {
  const chain = new Chain();
  const planned = effects.map((effect) => chain.add(reversalOf(effect, basis), effect.written));
  return gather(planned.map((each) => chain.link(each)).toReversed());
}

type Planned = Omit<PlannedReversal, 'records'> & {
  readonly records: readonly { entity: string; id: string; version: string }[];
};

function reversalOf(effect: AppliedEffect, basis: UndoBasis): Planned {
  const undo = basis.tools.get(effect.tool)?.undo;
  const action = undo && 'action' in undo ? undo.action : '';
  const records = recordsOf(effect);
  return {
    effect: effect.key,
    tool: effect.tool,
    left: whyLeft(effect, basis, { records, action }),
    action,
    round: effect.refusals,
    records,
    posted: effect.written?.posted ?? null,
  };
}

/** Each record once, at the version that the effect left it, the last written first. */
function recordsOf({ written, entity, targetId, outcome }: AppliedEffect): Planned['records'] {
  if (written) {
    const last = new Map<string, WrittenRecord>();
    for (const each of written.records.toReversed())
      if (!last.has(nameOf(each))) last.set(nameOf(each), each);
    return [...last.values()].map(({ entity, id, version }) => ({ entity, id, version }));
  }
  const version = (outcome as { readonly version?: unknown } | null)?.version;
  if (entity === null || targetId === null || typeof version !== 'string') return [];
  return [{ entity, id: targetId, version }];
}

/** Why an effect cannot be taken back, as far as that is known before; null where it can be tried. */
function whyLeft(
  { tool: name, state, key, written }: AppliedEffect,
  { tools, capabilities }: UndoBasis,
  { records, action }: Pick<Planned, 'records' | 'action'>,
): string | null {
  if (state !== 'applied' && state !== 'replayed') {
    return `nobody knows whether it happened (${state}); find out, then: tutti settle ${key.slice(0, 12)}`;
  }
  const tool = tools.get(name);
  if (!tool) return 'its tool is not loaded, so nobody knows how it is taken back';
  if (!tool.undo) return 'its tool does not say how it is taken back';
  if ('none' in tool.undo) return `it cannot be taken back: ${tool.undo.none}`;
  if (written?.isUnknown)
    return 'an earlier try of it came to no end, and the next one found its work or that of somebody else; look, and reverse it by hand';
  if (records.length === 0 && written === null)
    return 'nothing tells which record it left, and at which version';
  const missing = records.find(
    ({ entity }) => !capabilities.entities[entity]?.actions.includes(action),
  );
  return missing ? `the ERP has no '${action}' of a ${missing.entity}` : null;
}

/** Which effects have changed one record one after the other, with nobody else in between. */
class Chain {
  /** Who changed a record last, and at which version they left it. */
  readonly #last = new Map<string, { readonly effect: string; readonly version: string }>();
  /** `effect record` of what was changed again: whether by somebody who knew of no other change. */
  readonly #next = new Map<string, boolean>();

  add(planned: Planned, written: AppliedEffect['written']): Planned {
    for (const each of planned.records) {
      const record = nameOf(each);
      const before = this.#last.get(record);
      const first = written?.records.find((one) => nameOf(one) === record);
      if (before) this.#next.set(`${before.effect} ${record}`, first?.expect === before.version);
      this.#last.set(record, { effect: planned.effect, version: each.version });
    }
    return planned;
  }

  /** A record that was changed again later is at the version that taking the later change back leaves. */
  link(planned: Planned): PlannedReversal {
    const records = planned.records.map((each) => ({
      ...each,
      isChained: this.#next.get(`${planned.effect} ${nameOf(each)}`) ?? false,
    }));
    return { ...planned, records };
  }
}

/** Effects with a record in common, and all between them, are one item: their order and their versions depend on each other. */
function gather(effects: readonly PlannedReversal[]): readonly UndoItem[] {
  const lastAt = new Map<string, number>();
  for (const [index, { records }] of effects.entries())
    for (const each of records) lastAt.set(nameOf(each), index);
  const items: UndoItem[] = [];
  let open: PlannedReversal[] = [];
  let until = -1;
  for (const [index, effect] of effects.entries()) {
    open.push(effect);
    until = Math.max(until, index, ...effect.records.map((each) => lastAt.get(nameOf(each)) ?? 0));
    if (until > index) continue;
    items.push({ id: open[0]?.effect ?? '', effects: open });
    open = [];
  }
  return items;
}

const nameOf = ({ entity, id }: { readonly entity: string; readonly id: string }): string =>
  `${entity} ${id}`;
