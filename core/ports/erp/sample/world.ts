import { EngineError } from '../../../base/errors.ts';
import type { EntityName } from '../../../sdk/entity.ts';
import type { Chance, Draft, SampleWorld, Truth } from '../../../sdk/sample.ts';
import type { ErpRecord } from '../connector.ts';
import { permutationOf } from './chance.ts';
import { sentence } from './prose.ts';

/** What the parts of the sample company share while it is made. */
export interface Making {
  readonly asOf: string;
  readonly scale: number;
  readonly rows: Map<string, ErpRecord[]>;
  readonly truth: Truth[];
  /** The id of the row at a place in its entity's sequence, first place 0. */
  readonly idAt: (place: number) => string;
}

/** Starts a company with no rows. `renumber` gives its ids in another order, under a key of its own. */
export function startMaking(options: {
  readonly asOf: string;
  readonly scale: number;
  readonly seed: number;
  readonly renumber: boolean;
}): Making {
  const permutation = permutationOf(options.seed);
  return {
    asOf: options.asOf,
    scale: options.scale,
    rows: new Map(),
    truth: [],
    idAt: (place) => String(firstId + (options.renumber ? permutation(place) : place)),
  };
}

/** The company as one part of the generator sees it: chance is its own, so a change in one part leaves the others alone. */
export function worldFor(making: Making, random: Chance): SampleWorld {
  const day = dayFrom(making.asOf);
  return {
    asOf: making.asOf,
    scale: making.scale,
    random,
    add: (entity, data) => addRow(making, entity, data),
    all: <E extends EntityName>(entity: E) =>
      (making.rows.get(entity) ?? []) as unknown as readonly Draft<E>[],
    expect: (truth) => {
      making.truth.push(truth);
    },
    day,
    prose: () => sentence(random),
  };
}

const firstId = 1001;

function addRow<E extends EntityName>(making: Making, entity: E, data: object): Draft<E> {
  const rows = making.rows.get(entity) ?? [];
  if (rows.length === 0) making.rows.set(entity, rows);
  const row = { id: making.idAt(rows.length), version: '1', ...data } as ErpRecord;
  rows.push(row);
  return row as unknown as Draft<E>;
}

/** Calendar days from a day, in UTC; remembered, since a company asks for few days very often. */
function dayFrom(asOf: string): (days: number) => string {
  const start = Date.parse(`${asOf}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(asOf) || Number.isNaN(start)) {
    throw new EngineError('INPUT_INVALID', `asOf is ${asOf}; give a calendar day as YYYY-MM-DD.`);
  }
  const known = new Map<number, string>();
  return (days) => {
    const found = known.get(days);
    if (found !== undefined) return found;
    const made = new Date(start + days * 86_400_000).toISOString().slice(0, 10);
    known.set(days, made);
    return made;
  };
}
